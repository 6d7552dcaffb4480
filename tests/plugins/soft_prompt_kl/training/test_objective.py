import math

import pytest
import torch
from diffkit_plugins.soft_prompt_kl.training.objective import EntropyBand, PromptObjective, entropy

from diffkit.maths import DIVERGENCES

CAME = torch.tensor([0, 1, 2])


def drawn(*shape, scale=1.0, seed=0):
    logits = scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return logits.double().log_softmax(-1).float()


def objective(**terms):
    return PromptObjective(DIVERGENCES["kl"], **{"cap": 5.0, **terms})


def test_without_terms_it_is_the_divergence():
    log_p, log_q = drawn(3, 7), drawn(3, 7, seed=1)
    expected = (log_p.exp() * (log_p - log_q)).sum(-1)
    torch.testing.assert_close(objective()(log_p, log_q, CAME), expected)


def test_a_token_counts_up_to_the_cap_and_pulls_no_more():
    log_p = drawn(3, 7, scale=9.0).requires_grad_()
    log_q = drawn(3, 7, scale=9.0, seed=1)
    value = objective(cap=0.1)(log_p, log_q, CAME)
    assert value.tolist() == pytest.approx([0.1] * 3)
    value.sum().backward()
    assert not log_p.grad.any()


def test_fluency_takes_off_the_finetuned_sides_negative_log_likelihood():
    log_p, log_q = drawn(3, 7), drawn(3, 7, seed=1)
    less = objective()(log_p, log_q, CAME) - objective(fluency=0.5)(log_p, log_q, CAME)
    torch.testing.assert_close(less, -0.5 * log_p[range(3), CAME])


def test_entropy_outside_the_band_is_taken_off_on_either_side():
    log_p = torch.stack([torch.full((4,), -math.log(4)), torch.tensor([0.0, -90, -90, -90])])
    log_q, targets = log_p, torch.tensor([0, 0])
    value = objective(entropy=2.0, band=EntropyBand(0.5, 1.0))(log_p, log_q, targets)
    assert value.tolist() == pytest.approx([-2 * (math.log(4) - 1.0), -2 * 0.5])
    assert objective(entropy=2.0, band=EntropyBand(0.0, 2.0))(log_p, log_q, targets).tolist() == [
        0,
        0,
    ]


def test_plain_is_the_divergence_alone():
    log_p, log_q = drawn(3, 7), drawn(3, 7, seed=1)
    weighted = objective(fluency=0.5, entropy=2.0, band=EntropyBand(0.0, 0.1))
    assert torch.equal(weighted.plain(log_p, log_q, CAME), objective()(log_p, log_q, CAME))


def test_tokens_that_are_ruled_out_add_no_entropy_and_no_gradient():
    logits = torch.tensor([[0.0, 0.0, -torch.inf]], requires_grad=True)
    value = entropy(logits.log_softmax(-1))
    assert float(value.detach()) == pytest.approx(math.log(2))
    value.sum().backward()
    assert torch.isfinite(logits.grad).all()
