"""Linear layers of bfloat16 or float16 on processors that have no instructions for these formats.

torch then multiplies element by element: with 256 rows it takes four times the processor's time of
float32 forward, and thirty-five times backward. Here such a layer multiplies in float32, a block of
its weights at a time, and rounds the result: what instructions for these formats do as well.
"""

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

BLOCK = 2**22
"""Weights that are held in float32 at a time: 16 MB, which the processor's cache may hold."""
FEW_ROWS = 2
"""Up to so many rows, torch's own product is faster, since each weight is read once."""


def multiply_in_float32(module: nn.Module) -> None:
    """Makes linear layers of a network multiply in float32 where that is faster.

    Args:
        module: a model of transformers, with adapters or without; it is changed in place, and only
            its layers on a processor that has no instructions for their format. Calling it again
            changes only layers that were added.
    """
    layers: list[Any] = [part for part in module.modules() if type(part) is nn.Linear]
    for layer in layers:
        if _is_slow(layer.weight) and "forward" not in vars(layer):
            layer.forward = partial(_forward, layer)


def _is_slow(weight: Tensor) -> bool:
    """Whether torch multiplies by this weight without instructions for its format."""
    if weight.device.type != "cpu" or weight.dtype not in {torch.bfloat16, torch.float16}:
        return False
    return not _has_instructions(weight.dtype)


def _has_instructions(dtype: torch.dtype) -> bool:
    asked = "_is_mkldnn_bf16_supported" if dtype == torch.bfloat16 else "_is_mkldnn_fp16_supported"
    try:
        return bool(getattr(torch.ops.mkldnn, asked)())
    except (AttributeError, RuntimeError):  # another build of torch: its own product stays
        return True


def _forward(part: Any, x: Float[Tensor, "*rows inputs"]) -> Float[Tensor, "*rows outputs"]:
    weight = part.weight
    own = (
        weight.requires_grad
        or x.dtype != weight.dtype
        or torch.is_autocast_enabled("cpu")
        or (prod(x.shape[:-1]) <= FEW_ROWS and not (x.requires_grad and torch.is_grad_enabled()))
        or not _is_slow(weight)
    )
    if own:
        return functional.linear(x, weight, part.bias)
    product: Tensor = _Product.apply(x, weight, part.bias)  # type: ignore[no-untyped-call]
    return product


def _blocks(weight: Float[Tensor, "outputs inputs"]) -> Iterator[slice]:
    size = max(1, BLOCK // weight.shape[1])
    for start in range(0, len(weight), size):
        yield slice(start, start + size)


class _Product(torch.autograd.Function):
    """x · weightᵀ + bias with sums in float32; the weight and the bias get no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(weight)
        wide, found = x.float(), x.new_empty(*x.shape[:-1], len(weight))
        for places in _blocks(weight):
            part = None if bias is None else bias[places].float()
            found[..., places] = functional.linear(wide, weight[places].float(), part)
        return found

    @staticmethod
    def backward(ctx: Any, *of_product: Tensor) -> tuple[Tensor, None, None]:
        (weight,), (gradient,) = ctx.saved_tensors, of_product
        sums: Any = 0
        for places in _blocks(weight):
            sums = sums + gradient[..., places].float() @ weight[places].float()
        return sums.to(gradient.dtype), None, None
