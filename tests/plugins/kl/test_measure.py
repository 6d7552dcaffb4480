"""The best places are kept, whatever order they come in."""

from diffkit_plugins.kl.measure import DivergentTokens
from hypothesis import given
from hypothesis import strategies as st

PLACES = st.lists(st.tuples(st.floats(0, 10), st.integers(0, 50)), max_size=30)


@given(places=PLACES, limit=st.integers(0, 5), seed=st.randoms())
def test_the_largest_are_kept_in_any_order(places, limit, seed):
    offered = [(score, text, place) for text, (score, place) in enumerate(places)]
    expected = sorted(offered, key=lambda peak: (-peak[0], peak[1]))[:limit]
    seed.shuffle(offered)
    peaks = DivergentTokens(limit)
    for score, text, place in offered:
        peaks.add(score=score, text=text, position=place)
    assert [(peak.score, peak.text, peak.position) for peak in peaks] == expected
    assert len(peaks) == min(limit, len(places))
