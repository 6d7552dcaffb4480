"""Places with ties, and what a blind guesser gets."""

import random
from itertools import permutations
from statistics import fmean

import pytest
from diffkit_evaluators.lineup.ranking import blind_first, blind_reciprocal, place
from scipy.stats import rankdata


def test_ranks_are_those_of_scipy():
    draw = random.Random(0)
    for _ in range(50):
        scores = [draw.choice([0.0, 1.0, 2.0, float("inf")]) for _ in range(6)]
        ranks = rankdata([-score for score in scores])
        found = [place(scores[i], scores[:i] + scores[i + 1 :]) for i in range(6)]
        assert [one.rank for one in found] == list(ranks)
        assert sum(one.first for one in found) == pytest.approx(1)  # somebody is first


def test_first_place_is_shared():
    assert place(2.0, [1.0, 2.0, 2.0]).first == pytest.approx(1 / 3)
    assert place(2.0, [1.0, 2.0, 3.0]).first == 0
    assert place(2.0, []).first == place(2.0, []).rank == 1


@pytest.mark.parametrize("choices", [1, 2, 5])
def test_chance_is_the_mean_over_all_orders(choices):
    ranks = [order.index(0) + 1 for order in permutations(range(choices))]
    assert blind_first(choices) == pytest.approx(fmean(rank == 1 for rank in ranks))
    assert blind_reciprocal(choices) == pytest.approx(fmean(1 / rank for rank in ranks))
