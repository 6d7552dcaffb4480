"""Concentration against closed forms."""

import pytest
import torch
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.measure import (
    ActivationStatistics,
    ReadPlan,
    change_score,
    concentration,
)
from diffkit_plugins.activation_lens.slots import Slot


def second(vectors):
    return vectors.T @ vectors


def test_one_direction_is_1_whatever_the_lengths_and_signs():
    vectors = torch.tensor([[3.0], [-1.0], [0.1]]) * torch.tensor([1.0, 2.0, -2.0])
    assert concentration(second(vectors)) == pytest.approx(1)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e3])
def test_all_directions_alike_are_one_over_their_number(size):
    assert concentration(second(size * torch.eye(7).double())) == pytest.approx(1 / 7)


def test_it_is_the_weighted_mean_squared_cosine_of_pairs():
    vectors = torch.randn(50, 8, generator=torch.manual_seed(0), dtype=torch.float64)
    lengths = vectors.norm(dim=1)
    cosines = (vectors @ vectors.T) / lengths[:, None] / lengths
    weights = lengths.square()[:, None] * lengths.square()
    mean = float((cosines.square() * weights).sum() / weights.sum())
    assert concentration(second(vectors)) == pytest.approx(mean)


def test_nothing_moved_is_0():
    assert concentration(torch.zeros(4, 4)) == 0


def scanned(tiny_pair, scored, moments):
    found = ActivationStatistics.empty(
        ReadPlan((0, 1), (Slot("all"),), scored), tiny_pair.base, ActivationLensConfig(folds=2)
    )
    for place, moment in enumerate(moments):
        found.second[place] = moment
    return found


def test_the_change_score_is_the_geometric_mean_of_the_scored_layers(tiny_pair):
    size = tiny_pair.base.d_model
    one = torch.zeros(size, size)
    one[0, 0] = 5
    moments = (one, torch.eye(size))
    assert change_score(scanned(tiny_pair, (0, 1), moments)) == pytest.approx(size**-0.5)
    assert change_score(scanned(tiny_pair, (1,), moments)) == pytest.approx(1 / size)


def test_layers_that_did_not_move_do_not_count(tiny_pair):
    size = tiny_pair.base.d_model
    still, moved = torch.zeros(size, size), torch.eye(size)
    assert change_score(scanned(tiny_pair, (0, 1), (still, moved))) == pytest.approx(1 / size)
    assert change_score(scanned(tiny_pair, (0,), (still, moved))) == pytest.approx(1 / size)
    assert change_score(scanned(tiny_pair, (0, 1), (still, still))) == 0
