"""The best place of each token is kept, in any order that places come in."""

from diffkit_plugins.kl.measure import DivergentPlace, DivergentPlaces
from hypothesis import given
from hypothesis import strategies as st

PLACES = st.lists(
    st.builds(
        DivergentPlace,
        score=st.floats(0, 10),
        rank=st.integers(-9, 0),
        position=st.integers(1, 50),
        token=st.integers(0, 3),
    ),
    max_size=30,
)


@given(offered=PLACES, seed=st.randoms())
def test_the_largest_of_each_token_is_kept_in_any_order(offered, seed):
    tokens = {place.token for place in offered}
    expected = [max(one for one in offered if one.token == token) for token in tokens]
    seed.shuffle(offered)
    places = DivergentPlaces()
    for place in offered:
        places.add(place)
    assert list(places) == sorted(expected, reverse=True)
    assert places.counts == {token: sum(o.token == token for o in offered) for token in tokens}
