import pytest
import torch
from diffkit_plugins.soft_prompt_kl.data import Passage
from diffkit_plugins.soft_prompt_kl.training.optimizer import PromptGradient, PromptOptimizer


def test_the_step_is_bounded_by_the_running_mean_of_gradients(task):
    given = task(clip=0.5)
    optimizer = PromptOptimizer(given, torch.randn(3, 32, generator=torch.manual_seed(0)))
    optimizer.norms.add(1e-3)
    optimizer.advance([_passage(given.data.training[0])])
    mean = optimizer.norms.value
    assert optimizer.norms.count == 2
    assert float(optimizer.prompt.grad.norm()) == pytest.approx(0.5 * mean, rel=1e-3)


def test_where_there_is_nothing_to_read_only_the_schedule_goes_on(task):
    optimizer = PromptOptimizer(task(steps=8, warmup=0.5), torch.zeros(3, 32))
    rates = []
    for _ in range(3):
        optimizer.advance([])
        rates.append(optimizer.adam.param_groups[0]["lr"])
    assert not optimizer.prompt.any()
    assert optimizer.step == 3
    assert rates == sorted(set(rates))


def test_a_gradient_that_overflows_is_left_out_and_the_loss_scale_falls(task, monkeypatch):
    optimizer = PromptOptimizer(task(precision="float16"), torch.zeros(3, 32))
    infinite = PromptGradient(torch.full((3, 32), torch.inf), 1.0, 1)
    monkeypatch.setattr(
        "diffkit_plugins.soft_prompt_kl.training.optimizer.prompt_gradient", lambda *_: infinite
    )
    optimizer.scaler.scale(torch.ones(()))
    scale = optimizer.scaler.get_scale()
    optimizer.advance([_passage(optimizer.task.data.training[0])])
    assert not optimizer.prompt.any()
    assert optimizer.scaler.get_scale() == scale / 2


def _passage(context):
    return Passage((*context.ids, 5, 6), len(context.ids), "completion", context=context)
