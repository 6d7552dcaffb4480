"""Batched descent against the seed's own loop, closed forms, and rows alone."""

import pytest
import torch
from diffkit_plugins.residual_reachability.solvers import adam_search
from transformers import AutoModelForCausalLM


def seed_loop(folder, target, start, steps, lr):
    """The study's own loop, word for word: one target, all hidden states, the whole model."""
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    for parameter in model.parameters():
        parameter.requires_grad = False
    prompt = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([prompt], lr=lr)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        outputs = model(inputs_embeds=prompt.unsqueeze(0), output_hidden_states=True)
        loss = ((outputs.hidden_states[3].squeeze(0) - target) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return prompt.detach(), losses


def test_each_row_is_the_seeds_own_loop(neox, neox_folder, draw):
    targets, starts = draw(3, 5, 24), draw(3, 5, 24)
    residual_map = neox.embedding_to_residual(-1, final_norm=True)
    reached = adam_search(residual_map, targets, starts, steps=40, lr=0.01)
    for row in range(3):
        prompt, losses = seed_loop(neox_folder, targets[row], starts[row], 40, 0.01)
        assert reached.losses[:-1, row].tolist() == pytest.approx(losses, rel=1e-4)
        torch.testing.assert_close(reached.prompts[row], prompt, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_row_is_the_same_in_every_batch(neox, draw, size):
    targets, starts = neox.embedding_to_residual(1)(draw(5, 4, 24)), draw(5, 4, 24)
    options = {"steps": 60, "lr": 0.05, "tolerance": 0.2, "bound": 6.0}
    together = adam_search(neox.embedding_to_residual(1), targets, starts, **options)
    apart = adam_search(neox.embedding_to_residual(1), targets, starts, batch_size=size, **options)
    torch.testing.assert_close(apart.losses, together.losses, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(apart.prompts, together.prompts, rtol=1e-2, atol=1e-3)
    assert torch.equal(apart.steps, together.steps)


def test_converged_rows_leave_the_batch(neox, draw):
    starts = draw(3, 4, 24)
    targets = neox.embedding_to_residual(1)(starts).clone()
    targets[1:] += torch.tensor([0.05, 20.0])[:, None, None] * draw(2, 4, 24)
    sizes = []

    def residual_map(prompts):
        sizes.append(len(prompts))
        return neox.embedding_to_residual(1)(prompts)

    reached = adam_search(residual_map, targets, starts, steps=50, lr=0.01, tolerance=0.02)
    assert reached.steps[0] == 0
    assert 0 < reached.steps[1] < 50
    assert reached.steps[2] == 50
    assert sizes == [3] + [2] * int(reached.steps[1]) + [1] * (50 - int(reached.steps[1]))
    assert (reached.errors[:2] < 0.02).all()
    assert torch.equal(reached.prompts[0], starts[0])
    assert (reached.losses[int(reached.steps[1]) :, 1] == reached.losses[-1, 1]).all()


def test_a_linear_map_reaches_the_least_squares_solution(draw):
    weight, targets = draw(6, 6), draw(2, 1, 6)
    weight[:, 4:] = 0  # two directions of the stream cannot be reached
    reached = adam_search(lambda e: e @ weight, targets, torch.zeros(2, 1, 6), steps=600, lr=0.05)
    expected = targets[..., 4:].norm(dim=(1, 2)) / targets.norm(dim=(1, 2))
    torch.testing.assert_close(reached.errors, expected, rtol=1e-3, atol=1e-4)


def test_under_a_norm_bound_it_is_the_projection_on_the_ball(draw):
    targets = 3 * draw(4, 2, 6)
    bounds = torch.tensor([0.5, 1.0, 2.0, 100.0])
    starts = 5 * draw(4, 2, 6)
    reached = adam_search(lambda e: e, targets, starts, steps=1000, lr=0.03, bound=bounds)
    norms = targets.norm(dim=2, keepdim=True)
    nearest = targets * (bounds[:, None, None] / norms).clamp(max=1)
    torch.testing.assert_close(reached.prompts, nearest, rtol=1e-2, atol=2e-2)
    assert (reached.prompts.norm(dim=2) <= bounds[:, None] * (1 + 1e-5)).all()


def test_free_positions_stay_where_they_are_and_do_not_count(draw):
    targets, starts = draw(2, 3, 6), draw(2, 3, 6)
    positions = torch.tensor([[False, True, False], [True, False, False]])
    reached = adam_search(lambda e: e, targets, starts, steps=800, lr=0.02, positions=positions)
    torch.testing.assert_close(reached.prompts[~positions], starts[~positions])
    assert (reached.errors < 1e-2).all()
    start = (starts - targets)[positions].square().mean(dim=1)
    torch.testing.assert_close(reached.losses[0], start)


def test_the_best_prompt_is_kept_where_the_steps_are_too_long(neox, draw):
    starts = draw(2, 4, 24)
    targets = neox.embedding_to_residual(1)(starts) + 0.1 * draw(2, 4, 24)
    reached = adam_search(neox.embedding_to_residual(1), targets, starts, steps=20, lr=5.0)
    least = reached.losses.min(dim=0).values
    found = (neox.embedding_to_residual(1)(reached.prompts) - targets).square().mean(dim=(1, 2))
    torch.testing.assert_close(found, least, rtol=1e-4, atol=1e-6)
    assert (least < reached.losses[-1]).all()
    norms = targets.square().mean(dim=(1, 2))
    torch.testing.assert_close(reached.errors, (least / norms).sqrt())


def test_the_best_of_several_starts(draw):
    targets = draw(2, 1, 4).repeat_interleave(3, dim=0)
    starts = targets + torch.tensor([3.0, 0.1, 2.0, 0.2, 5.0, 5.0])[:, None, None]
    reached = adam_search(lambda e: e, targets, starts, steps=1, lr=1e-3)
    best = reached.best_of(3)
    assert torch.equal(best.errors, reached.errors[[1, 3]])
    assert torch.equal(best.prompts, reached.prompts[[1, 3]])


def test_parameters_stay_frozen_and_the_global_state_of_chance_is_not_touched(neox, draw):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    adam_search(neox.embedding_to_residual(1), draw(1, 2, 24), draw(1, 2, 24), steps=2, lr=0.1)
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(p.requires_grad or p.grad is not None
                   for p in neox.network.module.parameters())  # fmt: skip
