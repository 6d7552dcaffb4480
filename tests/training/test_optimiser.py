import pytest
import torch

from diffkit.training.optimiser import learning_rate


def test_agrees_with_torchs_schedulers() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=0.5)
    warm = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1.0, (step + 1) / 4))
    for step in range(4):
        ours = learning_rate(step, peak=0.5, warmup=4, steps=20)
        assert ours == pytest.approx(optimiser.param_groups[0]["lr"])
        optimiser.step()
        warm.step()
    optimiser = torch.optim.SGD([parameter], lr=0.5)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=16)
    for step in range(4, 20):
        ours = learning_rate(step, peak=0.5, warmup=4, steps=20)
        assert ours == pytest.approx(optimiser.param_groups[0]["lr"])
        optimiser.step()
        cosine.step()
