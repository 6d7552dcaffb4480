"""The floor holds its level where nothing but chance is at work, and lets a real rise through."""

import pytest
import torch
from diffkit_plugins.diff_mining.statistics import (
    PermutationFloor,
    PermutationSums,
    permutation_floor,
    text_draws,
)

TEXTS, TOKENS, PERMUTATIONS, WORLDS = 12, 12, 39, 200


def world(seed, always=None):
    """Whether a token passes the floor where each text's rises and falls are exchangeable."""
    generator = torch.Generator().manual_seed(seed)
    # Tokens of one text go together, some are livelier than others, and tails are heavy.
    lively = torch.rand(TOKENS, generator=generator)
    rises, falls = torch.rand(2, TEXTS, TOKENS, generator=generator).pow(4).mul(lively).double()
    swapped = torch.rand(TEXTS, 1, generator=generator) < 0.5
    rises, falls = torch.where(swapped, falls, rises), torch.where(swapped, rises, falls)
    if always is not None:
        rises[:, always], falls[:, always] = 1.0, 0.0
    exchanges = PermutationSums.empty(PERMUTATIONS, TOKENS, torch.device("cpu"))
    for text in range(TEXTS):
        exchanges.add(rises[text], falls[text], text_draws(seed, text, PERMUTATIONS, 1).exchanged)
    return rises.mean(0), permutation_floor(exchanges, TEXTS)


def test_the_floor_is_passed_in_its_share_of_exchangeable_worlds():
    passed = [bool((rises > height.height).any()) for rises, height in map(world, range(WORLDS))]
    assert 0.01 <= sum(passed) / WORLDS <= 0.095  # 0.05 and 2.6 to 3 standard errors


def test_a_token_that_always_rises_passes_alone():
    rises, height = world(0, always=5)
    assert (rises > height.height).nonzero().flatten().tolist() == [5]
    assert float(height.p(rises)[5]) == pytest.approx(1 / (PERMUTATIONS + 1))
    assert float(height.p(rises).max()) == 1.0


@pytest.mark.parametrize("count", [19, 20, 39, 99, 100])
def test_the_height_is_where_p_passes_the_level(count):
    maxima = torch.arange(count, 0, -1).double()
    height = PermutationFloor(maxima)
    just_above, at = height.height + 0.5, height.height
    ps = height.p(torch.tensor([just_above, at]).double())
    assert ps[0] <= 0.05 < ps[1]
