import pytest
import torch
from diffkit_plugins.perplexity_diff.measure import Span, best_span
from hypothesis import given
from hypothesis import strategies as st


def of(*ratios):
    return torch.tensor(ratios, dtype=torch.float64)


def every_span(ratios, cost):
    """Each span's score, from its definition."""
    return {
        (start, stop): sum(ratio - cost for ratio in ratios[start:stop])
        for stop in range(1, len(ratios) + 1)
        for start in range(stop)
    }


@given(
    st.lists(st.integers(-8, 8).map(lambda n: n / 4), max_size=9),
    st.integers(0, 4).map(lambda n: n / 4),
)
def test_the_best_span_is_the_best_of_all(ratios, cost):
    found, naive = best_span(of(*ratios), cost), every_span(ratios, cost)
    largest = max(naive.values(), default=0.0)
    assert found.score == max(0.0, largest)
    if found.score > 0:
        assert naive[found.start, found.stop] == largest
        equals = [span for span, score in naive.items() if score == largest]
        assert (found.stop, -found.start) == min((stop, -start) for start, stop in equals)
    else:
        assert found == Span(0, 0, 0.0)


def test_a_sentence_slipped_into_ordinary_text_is_found():
    ratios = of(-0.1, 0.2, -0.3, 4.0, -0.5, 3.0, 2.0, -0.2, 0.1)
    found = best_span(ratios, 0.3)
    assert (found.start, found.stop) == (3, 7)
    assert found.score == pytest.approx(7.3)


def test_a_higher_cost_gives_no_larger_span():
    ratios = of(0.5, 2.0, 0.5, 3.0, 0.5)
    found = [best_span(ratios, cost) for cost in (0.0, 1.0, 2.5, 4.0)]
    assert [(span.start, span.stop) for span in found] == [(0, 5), (1, 4), (3, 4), (0, 0)]


def test_nothing_is_no_span():
    assert best_span(of(), 0.0) == Span(0, 0, 0.0)
