"""Sampling, topics and sizes of log ratios by themselves."""

import pytest
import torch
from diffkit_plugins.diff_mining.ratios import LogRatioSizes, log_ratios
from diffkit_plugins.diff_mining.report import fit_topics
from diffkit_plugins.diff_mining.statistics import (
    LargestDifferences,
    PositionSample,
    largest_differences,
    text_draws,
)
from hypothesis import given
from hypothesis import strategies as st


@given(keys=st.lists(st.floats(0, 1), unique=True, max_size=30), limit=st.integers(1, 9),
       cut=st.integers(0, 30))  # fmt: skip
def test_the_sample_is_the_positions_with_the_smallest_keys_however_they_come(keys, limit, cut):
    kept = PositionSample.empty(limit, 2)
    for part in (slice(0, cut), slice(cut, None)):
        some = torch.tensor(keys[part]).double()
        tokens = (some * 1e6).long()[:, None].expand(-1, 2)
        kept.add(some, LargestDifferences(tokens, torch.zeros(len(some), 2)))
    expected = torch.tensor(sorted(keys)[:limit]).double()
    assert torch.equal(kept.keys, expected)
    assert torch.equal(kept.tokens[:, 0], (expected * 1e6).long())


def test_random_numbers_depend_on_seed_and_text_alone():
    one, longer = text_draws(0, 3, 50, 4), text_draws(0, 3, 50, 9)
    assert torch.equal(one.exchanged, longer.exchanged)
    assert torch.equal(one.keys, longer.keys[:4])
    assert set(one.exchanged.tolist()) == {0.0, 1.0}
    assert not torch.equal(one.exchanged, text_draws(1, 3, 50, 4).exchanged)
    assert not torch.equal(one.exchanged, text_draws(0, 4, 50, 4).exchanged)


def test_a_difference_at_or_below_0_is_no_rise():
    best = largest_differences(torch.tensor([[-1.0, 0.5, -2.0]]), 2)
    assert best.tokens.tolist() == [[1, 0]]
    assert best.rises.tolist() == [[0.5, 0.0]]
    sums, counts = torch.zeros(2, 3, dtype=torch.float64)
    best.add_to(sums, counts)
    assert (sums.tolist(), counts.tolist()) == ([0.0, 0.5, 0.0], [0.0, 1.0, 0.0])


def test_positions_can_be_had_with_the_rises_of_some_tokens_only():
    kept = PositionSample.empty(2, 2)
    tokens = torch.tensor([[0, 3], [3, 1]])
    kept.add(torch.tensor([0.2, 0.1]).double(), LargestDifferences(tokens, torch.ones(2, 2)))
    some = kept.among(torch.tensor([True, True, True, False]))
    assert some.tokens.tolist() == [[3, 1], [0, 3]]
    assert some.rises.tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert kept.rises.sum() == 4


def test_more_of_the_largest_than_there_are_tokens_are_all():
    assert largest_differences(torch.tensor([[3.0, 1.0]]), 20).tokens.tolist() == [[0, 1]]


def planted(groups, sizes):
    """Positions at which the tokens of one group rise, over a faint background."""
    generator = torch.Generator().manual_seed(0)
    rows = [
        torch.zeros(60).scatter(0, torch.tensor(group), 1.5)
        for group, size in zip(groups, sizes, strict=True)
        for _ in range(size)
    ]
    best = largest_differences(
        torch.stack(rows) + 0.05 * torch.rand(len(rows), 60, generator=generator), 6
    )
    kept = PositionSample.empty(1_000, 6)
    kept.add(torch.rand(len(rows), generator=generator).double(), best)
    return kept


def test_topics_find_planted_groups_and_put_the_weightiest_first():
    groups = [[1, 2, 3], [20, 21, 22, 23], [40, 41]]
    found = fit_topics(planted(groups, [40, 90, 20]), 60, 3, seed=0)
    heads = [sorted(topic.weights.argsort()[::-1][: len(group)]) for topic, group in
             zip(found, [groups[1], groups[0], groups[2]], strict=True)]  # fmt: skip
    assert heads == [groups[1], groups[0], groups[2]]
    assert abs(sum(topic.share for topic in found) - 1) < 1e-12
    for topic in found:
        assert abs(topic.weights.sum() - 1) < 1e-12


def test_the_same_seed_gives_the_same_topics():
    one, other = (fit_topics(planted([[1, 2], [5, 6]], [9, 9]), 60, 2, seed=4) for _ in range(2))
    assert [topic.share for topic in one] == [topic.share for topic in other]


def test_no_more_topics_than_positions_with_a_rise():
    kept = PositionSample.empty(10, 2)
    tokens = torch.tensor([[0, 1], [1, 2], [2, 0]])
    rises = torch.tensor([[1.0, 0.5], [0.0, 0.0], [0.0, 0.0]])
    kept.add(torch.rand(3).double(), LargestDifferences(tokens, rises))
    (topic,) = fit_topics(kept, 4, 3, seed=0)
    assert topic.share == 1.0
    assert fit_topics(PositionSample.empty(10, 2), 4, 3, seed=0) == ()


def expected(ratios, often=1e6):
    """How often each side expects tokens whose log ratios are these."""
    ratios = torch.tensor(ratios).double()
    return often * (ratios / 2).exp() - 1, often * (-ratios / 2).exp() - 1


def test_sizes_have_closed_forms():
    sizes = LogRatioSizes.of(*expected([0.6, -0.2, 0.0, 0.0]))
    assert sizes.mean == pytest.approx(0.2)
    assert sizes.self_weighted == pytest.approx((0.216 + 0.008) / (0.36 + 0.04))
    assert sizes.concentration == pytest.approx(2.8)
    assert LogRatioSizes.of(*expected([0.3, -0.3])).concentration == pytest.approx(1)
    still = LogRatioSizes.of(*expected([0.0, 0.0]))
    assert (still.mean, still.self_weighted, still.concentration) == (0, 0, 0)


@pytest.mark.parametrize("factor", [0.1, 3.0])
def test_the_score_grows_with_the_change_and_the_concentration_does_not(factor):
    ratios = [0.8, 0.1, -0.2, 0.05]
    one = LogRatioSizes.of(*expected(ratios))
    other = LogRatioSizes.of(*expected([factor * each for each in ratios]))
    assert other.self_weighted == pytest.approx(factor * one.self_weighted)
    assert other.concentration == pytest.approx(one.concentration)


def test_of_changes_of_one_size_that_of_few_tokens_scores_higher():
    few, all_alike = [0.5, 0.5, *[0.0] * 8], [0.1] * 10
    one, other = (LogRatioSizes.of(*expected(each)) for each in (few, all_alike))
    assert one.mean == pytest.approx(other.mean)
    assert one.self_weighted == pytest.approx(5 * other.self_weighted)


def test_tokens_that_the_texts_do_not_bring_to_mind_do_not_count_however_many_they_are():
    p, q = expected([0.6, -0.2, 0.1])
    small = LogRatioSizes.of(p, q)
    rare = torch.rand(100_000, generator=torch.Generator().manual_seed(0)).double()
    large = LogRatioSizes.of(torch.cat([p, rare]), torch.cat([q, rare.flip(0)]))
    assert large == small
    assert LogRatioSizes.of(rare, rare.flip(0)).self_weighted > 0  # where no token counts, all do


def test_a_token_that_neither_side_would_say_has_no_ratio():
    p, q = torch.tensor([1e-3, 50.0]).double(), torch.tensor([1e-9, 5.0]).double()
    ratios = log_ratios(p, q)
    assert ratios[0] < 0.01
    assert ratios[1] > 2
