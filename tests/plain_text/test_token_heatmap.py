import pytest

from diffkit.findings import TokenTrace, TracedToken
from diffkit.plain_text.token_heatmap import LEVELS, levels, strongest


@pytest.fixture
def trace() -> TokenTrace:
    scores = (None, 0.0, -4.0, 1.0, 2.0)
    return TokenTrace(
        title="t", unit="nats", tokens=tuple(TracedToken(token="a", score=s) for s in scores)
    )


def test_strongest_goes_by_magnitude_and_leaves_zeros_out(trace):
    assert [position.index for position in strongest(trace, 10)] == [2, 4, 3]
    assert [position.index for position in strongest(trace, 1)] == [2]


def test_warmth_is_relative_to_the_strongest_and_keeps_the_sign(trace):
    assert levels(trace)[:3] == (0, 0, -LEVELS)
    assert 0 < levels(trace)[3] < levels(trace)[4] < LEVELS


def test_a_trace_without_scores_is_cold():
    assert levels(TokenTrace(title="t", unit="u", tokens=(TracedToken(token="a"),))) == (0,)
