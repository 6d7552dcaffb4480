"""The final norm's floor against a search on its image."""

import pytest
import torch
from diffkit_plugins.reachability_study.reference import Ellipsoid
from torch import nn


def layer_norm(hidden):
    norm = nn.LayerNorm(hidden)
    nn.init.uniform_(norm.weight, 0.3, 2)
    nn.init.normal_(norm.bias)
    return norm


def rms_norm(hidden):
    norm = nn.RMSNorm(hidden, eps=1e-6)
    nn.init.uniform_(norm.weight, 0.3, 2)
    return norm


@pytest.fixture(params=[layer_norm, rms_norm])
def norm(request):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return request.param(12).requires_grad_(requires_grad=False)


def searched(norm, target, starts=16):
    """The least MSE that gradient descent finds over inputs of the norm, by its best start."""
    inputs = torch.randn(starts, 12, generator=torch.manual_seed(1)).mul(3).requires_grad_()
    optimizer = torch.optim.Adam([inputs], lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        losses = (norm(inputs) - target).square().mean(-1)
        losses.sum().backward()
        optimizer.step()
    return float(losses.detach().min())


def test_what_the_norm_puts_out_has_no_floor(norm):
    outputs = norm(10 * torch.randn(50, 12, generator=torch.manual_seed(0)))
    assert Ellipsoid.of(norm, 12).floor(outputs).max() < 1e-6


@pytest.mark.parametrize("scale", [0.2, 1.0, 10.0])
def test_no_search_gets_below_the_floor_and_the_best_reaches_it(norm, scale):
    target = scale * torch.randn(12, generator=torch.manual_seed(2))
    floor = float(Ellipsoid.of(norm, 12).floor(target))
    assert searched(norm, target) == pytest.approx(floor, rel=2e-3)


def test_plain_layer_norm_has_the_distance_from_a_sphere_as_its_floor():
    target = torch.randn(5, 12, generator=torch.manual_seed(3)).double()
    flat = target - target.mean(-1, keepdim=True)
    expected = target.mean(-1) ** 2 + (flat.norm(dim=-1) - 12**0.5) ** 2 / 12
    torch.testing.assert_close(Ellipsoid.of(nn.LayerNorm(12), 12).floor(target), expected)


def test_a_norm_of_another_form_has_no_known_floor():
    assert Ellipsoid.of(torch.tanh, 12) is None
