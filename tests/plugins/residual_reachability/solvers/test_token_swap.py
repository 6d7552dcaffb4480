"""Token prompts: what can be reached is, and nothing gets worse."""

import pytest
import torch
from diffkit_plugins.residual_reachability.solvers import token_swap_search


@pytest.fixture
def table(neox):
    return neox.embed(torch.arange(neox.vocabulary)[None])[0]


@pytest.fixture
def ids(neox):
    generator = torch.Generator().manual_seed(1)
    return torch.randint(neox.vocabulary, (4, 3), generator=generator)


def test_prompts_that_one_swap_can_make_are_found(neox, table, ids):
    residual_map, starts = neox.embedding_to_residual(0), ids.clone()
    starts[:, 1] = (starts[:, 1] + 7) % neox.vocabulary
    options = {"steps": 4, "seed": 0, "candidates": 3 * len(table), "nearest": len(table)}
    found = token_swap_search(residual_map, table, residual_map(table[ids]), starts, **options)
    assert torch.equal(found.ids, ids)
    assert (found.errors < 1e-5).all()


def test_errors_never_rise_and_are_those_of_the_prompts(neox, table, ids, draw):
    residual_map, targets = neox.embedding_to_residual(1), draw(4, 3, 24)
    found = token_swap_search(residual_map, table, targets, ids, steps=6, seed=0)
    assert (found.losses.diff(dim=0) <= 0).all()
    assert (found.losses[-1] < found.losses[0]).all()
    again = (residual_map(table[found.ids]) - targets).norm(dim=(1, 2)) / targets.norm(dim=(1, 2))
    torch.testing.assert_close(again, found.errors, rtol=1e-4, atol=1e-5)


def test_promising_swaps_do_better_than_any_at_all(neox, table, ids, draw):
    residual_map, targets = (
        neox.embedding_to_residual(1),
        neox.embedding_to_residual(1)(table[ids.flip(0)]),
    )
    options = {"steps": 5, "seed": 0, "candidates": 16}
    guided = token_swap_search(residual_map, table, targets, ids, nearest=32, **options)
    blind = token_swap_search(residual_map, table, targets, ids, nearest=len(table), **options)
    assert guided.errors.mean() < blind.errors.mean()


def test_a_row_is_the_same_alone_and_in_every_batch(neox, table, ids, draw):
    residual_map, targets = neox.embedding_to_residual(1), draw(4, 3, 24)
    positions = torch.zeros(4, 3, dtype=torch.bool)
    positions[:, -1] = True
    options = {"steps": 4, "seed": 3}
    together = token_swap_search(residual_map, table, targets, ids, positions=positions, **options)
    alone = token_swap_search(
        residual_map,
        table,
        targets[2:3],
        ids[2:3],
        positions=positions[2:3],
        batch_size=5,
        **options,
    )
    assert torch.equal(alone.ids[0], together.ids[2])
    torch.testing.assert_close(alone.errors[0], together.errors[2])
