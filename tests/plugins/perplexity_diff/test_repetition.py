"""What recurs in samples, by closed forms."""

import pytest
import torch
from diffkit_plugins.perplexity_diff.measure import SampledText, ScoredSample, best_span
from diffkit_plugins.perplexity_diff.repetition import PAIRS, repetition

from diffkit import PromptStart


def sample(ids, ratios):
    ratios = torch.tensor(ratios, dtype=torch.float64)
    opening = PromptStart(kind="document", text="", ids=(1,))
    return ScoredSample(SampledText(opening, "", tuple(ids)), ratios, best_span(ratios, 0.0))


def test_pairs_that_recur_carry_their_ratios():
    samples = [
        sample([5, 6, 9], [1.0, 2.0, -0.5]),  # the pair (5, 6) with 3, (6, 9) with 1.5
        sample([5, 6], [0.5, 0.5]),
        sample([5, 6, 5, 6], [0.1, 0.1, 1.0, 1.0]),  # the larger of two, 2; (6, 5) with 1.1
        sample([6, 9, 7, 7], [1.0, 1.0, 0.0, 4.0]),  # (6, 9) is in two samples only
    ]
    found = repetition(samples)
    spans = (3.0 + 1.0 + 2.2 + 6.0) / 4
    assert found.pair_nats == pytest.approx((3 + 1 + 2) / 4 / PAIRS)
    assert found.span_nats == pytest.approx(spans)
    assert found.share == pytest.approx(found.pair_nats / spans)
    assert found.score == pytest.approx(found.pair_nats**2 / spans)


def test_a_pair_that_the_finetuned_side_finds_less_likely_in_a_sample_does_not_count_there():
    down = sample([5, 6], [-3.0, 1.0])
    up = sample([5, 6], [1.0, 1.0])
    assert repetition([up, up, down]).pair_nats == 0
    assert repetition([up, up, up, down]).pair_nats == pytest.approx(6 / 4 / PAIRS)


def test_only_the_leading_pairs_count():
    ids = list(range(20, 20 + PAIRS + 4))
    found = repetition([sample(ids, [1.0] * len(ids))] * 3)
    assert found.pair_nats == pytest.approx(2.0)


@pytest.mark.parametrize("factor", [0.01, 7.0])
def test_the_share_does_not_depend_on_the_size_of_the_change_and_the_score_grows_with_it(factor):
    ratios = [[1.0, 2.0, -0.5], [0.5, 0.7, 0.1], [2.0, -0.1, 0.2]]
    one, other = (
        repetition([sample([5, 6, 7], [size * each for each in row]) for row in ratios])
        for size in (1.0, factor)
    )
    assert other.share == pytest.approx(one.share)
    assert other.score == pytest.approx(factor * one.score)


def test_the_same_ratios_score_higher_where_samples_say_the_same():
    alike = repetition([sample([5, 6, 7], [1.0, 1.0, 1.0])] * 4)
    apart = repetition([sample([i, i + 1, i + 2], [1.0] * 3) for i in (10, 20, 30, 40)])
    assert alike.span_nats == apart.span_nats
    assert alike.score > apart.score == 0


def test_samples_without_a_token_score_nothing():
    found = repetition([sample([], []), sample([5], [0.0])])
    assert (found.pair_nats, found.share, found.score) == (0, 0, 0)
