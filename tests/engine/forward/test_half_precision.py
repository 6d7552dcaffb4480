"""Products of half-precision weights, beside torch's own in double precision."""

import copy

import pytest
import torch
from torch import nn

from diffkit.engine.forward import half_precision
from diffkit.engine.forward.half_precision import multiply_in_float32

FORMATS = (torch.bfloat16, torch.float16)


@pytest.fixture(params=FORMATS, ids=str)
def layer(request, monkeypatch):
    """A layer in each format, on a processor without instructions for it."""
    monkeypatch.setattr(half_precision, "_has_instructions", lambda _: False)
    monkeypatch.setattr(half_precision, "BLOCK", 5 * 24)  # five rows, so that 33 make seven blocks
    torch.manual_seed(0)
    made = nn.Linear(24, 33).to(request.param).requires_grad_(False)
    multiply_in_float32(made)
    assert "forward" in vars(made)
    return made


def exact(layer):
    """The same layer in float64."""
    plain = nn.Linear(layer.in_features, layer.out_features).double()
    plain.load_state_dict(layer.state_dict())
    return plain.requires_grad_(False)


@pytest.mark.parametrize("shape", [(24,), (2, 24), (3, 24), (2, 5, 24), (0, 24)])
def test_results_are_the_exact_ones_rounded(layer, shape):
    x = torch.randn(shape).to(layer.weight.dtype)
    found, wanted = layer(x), exact(layer)(x.double())
    assert found.shape == wanted.shape
    assert found.dtype == layer.weight.dtype
    rounding = torch.finfo(found.dtype).eps
    torch.testing.assert_close(found.double(), wanted, rtol=rounding, atol=1e-6)


@pytest.mark.parametrize("shape", [(24,), (1, 24), (2, 5, 24)])
def test_gradients_are_the_exact_ones_rounded(layer, shape):
    x = torch.randn(shape).to(layer.weight.dtype).requires_grad_()
    wide = x.detach().double().requires_grad_()
    weights = torch.randn(*shape[:-1], 33).to(layer.weight.dtype)
    (layer(x) * weights).sum().backward()
    (exact(layer)(wide) * weights.double()).sum().backward()
    rounding = torch.finfo(x.dtype).eps
    torch.testing.assert_close(x.grad.double(), wide.grad, rtol=rounding, atol=1e-6)
    assert layer.weight.grad is None


def test_gradients_can_be_differentiated_again(layer):
    x = torch.randn(3, 24).to(layer.weight.dtype).requires_grad_()
    wide = x.detach().double().requires_grad_()
    second = []
    for each, given in ((layer, x), (exact(layer), wide)):
        (first,) = torch.autograd.grad(each(given).pow(2).sum(), given, create_graph=True)
        second.append(torch.autograd.grad(first.pow(2).sum(), given)[0].double())
    scale = float(second[1].abs().max())
    torch.testing.assert_close(second[0] / scale, second[1] / scale, rtol=0, atol=0.02)


def test_weights_that_are_trained_get_gradients(layer):
    layer.requires_grad_(True)
    layer(torch.ones(4, 24, dtype=layer.weight.dtype)).sum().backward()
    assert layer.weight.grad.double().eq(4).all()
    assert layer.bias.grad.double().eq(4).all()


def test_a_copy_has_its_own_weights(layer):
    other = copy.deepcopy(layer)
    other.weight.zero_()
    x = torch.ones(4, 24, dtype=layer.weight.dtype)
    assert other(x).equal(other.bias.expand(4, -1))
    assert not layer(x).equal(other(x))


def test_a_layer_that_becomes_wide_or_is_wide_is_left_to_torch(layer):
    wide = nn.Linear(4, 4)
    multiply_in_float32(wide)
    assert "forward" not in vars(wide)
    before = exact(layer)(torch.ones(4, 24, dtype=torch.float64))
    assert layer.double()(torch.ones(4, 24, dtype=torch.float64)).equal(before)


def test_a_processor_with_instructions_keeps_torch_s_product(monkeypatch):
    monkeypatch.setattr(half_precision, "_has_instructions", lambda _: True)
    layer = nn.Linear(4, 4).bfloat16()
    multiply_in_float32(layer)
    assert "forward" not in vars(layer)
