"""Places with ties, and what a blind guesser gets."""

import random
from itertools import permutations
from statistics import fmean

import pytest
from diffkit_evaluators.lineup.grader import chance_of_first, chance_reciprocal_rank
from diffkit_evaluators.lineup.scoring import rank_position
from scipy.stats import rankdata


def test_ranks_are_those_of_scipy():
    draw = random.Random(0)
    for _ in range(50):
        scores = [draw.choice([0.0, 1.0, 2.0, float("inf")]) for _ in range(6)]
        ranks = rankdata([-score for score in scores])
        found = [rank_position(scores[i], scores[:i] + scores[i + 1 :]) for i in range(6)]
        assert [one.rank for one in found] == list(ranks)
        assert sum(one.first for one in found) == pytest.approx(1)  # somebody is first


def test_first_place_is_shared():
    assert rank_position(2.0, [1.0, 2.0, 2.0]).first == pytest.approx(1 / 3)
    assert rank_position(2.0, [1.0, 2.0, 3.0]).first == 0
    assert rank_position(2.0, []).first == rank_position(2.0, []).rank == 1


@pytest.mark.parametrize("choices", [1, 2, 5])
def test_chance_is_the_mean_over_all_orders(choices):
    ranks = [order.index(0) + 1 for order in permutations(range(choices))]
    assert chance_of_first(choices) == pytest.approx(fmean(rank == 1 for rank in ranks))
    assert chance_reciprocal_rank(choices) == pytest.approx(fmean(1 / rank for rank in ranks))
