"""The forward-only iteration: linear maps, a contraction, every target of a real network."""

import pytest
import torch
from diffkit_plugins.residual_reachability.solvers import adam_search, anderson_search


def test_a_linear_map_is_solved_in_as_many_steps_as_it_has_dimensions(draw):
    weight = torch.eye(4) + 0.3 * draw(4, 4)
    targets = draw(3, 1, 4)
    found = anderson_search(lambda e: e @ weight, targets, draw(3, 1, 4), steps=7)
    solution = torch.linalg.solve(weight.T, targets[:, 0].T).T[:, None]
    torch.testing.assert_close(found.prompts, solution, rtol=1e-4, atol=1e-5)
    assert (found.errors < 1e-5).all()


def test_without_memory_it_is_the_plain_damped_iteration(draw):
    targets, starts = draw(2, 2, 4), draw(2, 2, 4)
    found = anderson_search(
        lambda e: e + e.sin() / 2, targets, starts, steps=5, memory=0, damping=0.5
    )
    prompts, losses = starts, []
    for _ in range(6):
        miss = targets - (prompts + prompts.sin() / 2)
        losses.append(miss.square().mean(dim=(1, 2)))
        prompts = prompts + 0.5 * miss
    torch.testing.assert_close(found.losses, torch.stack(losses))


def test_memory_makes_a_contraction_converge_sooner(draw):
    targets, starts = draw(4, 2, 6), draw(4, 2, 6)
    residual_map, options = lambda e: e + 0.5 * e.flip(-1).sin(), {"steps": 200, "tolerance": 1e-5}
    plain = anderson_search(residual_map, targets, starts, memory=0, **options)
    fast = anderson_search(residual_map, targets, starts, **options)
    assert (plain.errors < 1e-5).all()
    assert (fast.errors < 1e-5).all()
    assert (fast.steps < plain.steps).all()


@pytest.mark.parametrize("size", [1, 2, 6])
def test_targets_of_many_kinds_are_reached_and_the_batch_changes_nothing(neox, draw, size):
    residual_map = neox.embedding_to_residual(-1)
    real = residual_map(draw(2, 5, 24))
    targets = torch.cat([1.5 * real, 4 * real, 2 * draw(2, 5, 24)])
    found = anderson_search(
        residual_map, targets, targets, steps=100, tolerance=1e-4, batch_size=size
    )
    assert (found.errors < 1e-4).all()
    again = (residual_map(found.prompts) - targets).norm(dim=(1, 2)) / targets.norm(dim=(1, 2))
    torch.testing.assert_close(again, found.errors, rtol=0.2, atol=1e-6)


@pytest.mark.parametrize("slope", [9, 30])
def test_a_row_that_diverges_goes_back_and_takes_smaller_steps(draw, slope):
    targets, starts = draw(3, 1, 4), draw(3, 1, 4)
    found = anderson_search(lambda e: slope * e, targets, starts, steps=80, memory=0)
    assert (found.losses[1] > found.losses[0]).all()  # a step of a half of the miss overshoots
    assert (found.errors < 1e-2).all()


def test_numbers_that_are_none_are_no_progress(draw):
    def residual_map(prompts):
        return torch.where(prompts.norm(dim=2, keepdim=True) > 3, torch.nan, prompts * 20)

    targets, starts = 10 * draw(2, 1, 4), torch.zeros(2, 1, 4)
    found = anderson_search(residual_map, targets, starts, steps=60, tolerance=1e-3)
    assert (found.errors < 1e-3).all()
    assert found.prompts.isfinite().all()


def test_the_last_position_alone_is_reached_where_the_others_are_fixed(neox, draw):
    residual_map, starts, targets = (
        neox.embedding_to_residual(-1),
        draw(3, 5, 24),
        3 * draw(3, 5, 24),
    )
    positions = torch.zeros(3, 5, dtype=torch.bool)
    positions[:, -1] = True
    found = anderson_search(
        residual_map, targets, starts, steps=150, tolerance=1e-5, positions=positions
    )
    assert (found.errors < 1e-5).all()
    assert torch.equal(found.prompts[:, :-1], starts[:, :-1])


def test_it_needs_far_fewer_passes_than_adam(neox, draw):
    residual_map, starts = neox.embedding_to_residual(-1), 0.2 * draw(3, 4, 24)
    targets = 2 * residual_map(draw(3, 4, 24))
    fast = anderson_search(residual_map, targets, starts, steps=50, tolerance=1e-4)
    slow = adam_search(residual_map, targets, starts, steps=200, lr=0.01, tolerance=1e-4)
    assert (fast.errors < 1e-4).all()
    assert (slow.errors > 1e-2).all()
