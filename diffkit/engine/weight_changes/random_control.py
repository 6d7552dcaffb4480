"""Random changes with a finetuning's norms: controls that changed but learned nothing."""

import copy
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import exp, isfinite, log
from operator import attrgetter
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diffkit.engine.model import Model
from diffkit.engine.network import Network
from diffkit.engine.weight_changes.differences import WeightDelta, same_tensor, weight_deltas
from diffkit.engine.weight_changes.effective_weights import (
    LowRank,
    effective_weights,
    is_transposed,
)
from diffkit.errors import UserError


def random_control(base: Model, finetuned: Model, seed: int, scale: float = 1.0) -> Model:
    """The base with a random change of the same norm in each module that finetuning changed.

    The control of a LoRA is another adapter of the same rank on the same network, with independent
    Gaussian A and B; if the base side has an adapter itself, the control's adapter includes it.
    Otherwise the control is a copy of the base with Gaussian noise in the rows that changed.

    Args:
        base: the base side.
        finetuned: the finetuned side.
        seed: seed of the change.
        scale: factor on the norms.
    """
    network = base.network
    if network is not finetuned.network:
        return _noisy_copy(base, finetuned, seed, scale)
    if finetuned.adapter == base.adapter:
        return Model(network, base.adapter, finetuned.tokenizer)
    with network.lock:
        products = {
            delta.module: _low_rank_of(random_delta_like(delta, seed, scale))
            for delta in weight_deltas(base, finetuned)
        }
        if base.adapter is None:
            config = copy.deepcopy(network.peft.peft_config[finetuned.adapter])
        else:
            products = _added_to_base_adapter(base, products)
            config = _config_holding(products)
        name = network.add(config)
        _zero_adapter(network, name)
        for module, product in products.items():
            _write_product(attrgetter(module)(network.module), name, product)
    return Model(network, name, finetuned.tokenizer)


def _low_rank_of(delta: WeightDelta) -> LowRank:
    if delta.low_rank is None:
        msg = f"{delta.module} shares the base's weights but changed by no product"
        raise ValueError(msg)
    return delta.low_rank


def _added_to_base_adapter(base: Model, noise: Mapping[str, LowRank]) -> dict[str, LowRank]:
    """``noise`` added to the base side's adapter, by module."""
    weights = effective_weights(base.network.module, base.adapter)
    own = {weight.module: weight.low_rank for weight in weights if weight.low_rank}
    both = {m: own[m].plus(noise[m]) for m in own.keys() & noise.keys()}
    return {**own, **noise, **both}


def _config_holding(products: Mapping[str, LowRank]) -> Any:
    """The configuration of an adapter of scale 1 that can hold each of ``products``."""
    from peft import LoraConfig

    rank = max(product.left.shape[1] for product in products.values())
    return LoraConfig(r=rank, lora_alpha=rank, target_modules=sorted(products))


def random_delta_like(delta: WeightDelta, seed: int, scale: float = 1.0) -> WeightDelta:
    """A Gaussian change of the same form, its Frobenius norm ``scale`` times as large.

    It is float32 and on the CPU. It depends only on the seed and on the weight's name, not on
    order or device.

    Args:
        delta: the change to match.
        seed: seed of the new one.
        scale: factor on the norm.
    """
    key = f"{seed}:{delta.module}.{delta.parameter}".encode()
    number = int.from_bytes(hashlib.sha256(key).digest()[:8], "little") >> 1
    generator = torch.Generator().manual_seed(number)
    norm = scale * delta.norm()
    if delta.low_rank is not None:
        right = torch.randn(delta.low_rank.right.shape, generator=generator)
        left = torch.randn(delta.low_rank.left.shape, generator=generator)
        drawn = LowRank(left, right, delta.low_rank.scale)
        factor = norm / drawn.norm()
        return replace(delta, low_rank=replace(drawn, left=left * factor))
    matrix = delta.dense()
    noise = torch.randn(matrix.shape, generator=generator)
    noise = noise * (matrix != 0).any(dim=1, keepdim=True).cpu()  # unchanged rows stay unchanged
    return replace(delta, matrix=noise * (norm / float(noise.double().norm())))


def _zero_adapter(network: Network, adapter: str) -> None:
    """Zeroes a new adapter, so that modules that the finetuning did not change stay unchanged."""
    for name, parameter in network.module.named_parameters():
        if f".{adapter}" in name:
            parameter.data.zero_()


def _write_product(layer: Any, adapter: str, product: LowRank) -> None:
    """Fills the first ranks of an adapter; the others stay zero."""
    rank = product.left.shape[1]
    left = product.left * (product.scale / layer.scaling[adapter])
    if adapter in layer.lora_embedding_A:
        layer.lora_embedding_A[adapter].data[:rank].copy_(left.T)
        layer.lora_embedding_B[adapter].data[:, :rank].copy_(product.right.T)
    else:
        layer.lora_B[adapter].weight.data[:, :rank].copy_(left)
        layer.lora_A[adapter].weight.data[:rank].copy_(product.right)


def _noisy_copy(base: Model, finetuned: Model, seed: int, scale: float) -> Model:
    network: Network = base.network.reload()
    if not _tied(finetuned):
        _untie(network)
    for delta in weight_deltas(base, finetuned):
        module = attrgetter(delta.module)(network.module)
        weight = getattr(module, delta.parameter)
        noise = random_delta_like(delta, seed, scale).dense()
        _add_noise(weight, noise.T if is_transposed(module, delta.parameter) else noise)
    return Model(network, None, finetuned.tokenizer)


def _add_noise(weight: nn.Parameter, noise: Float[Tensor, "out inputs"]) -> None:
    rows = noise.shape[0]
    changed = weight.data[:rows].float() + noise.to(weight.device).reshape(weight.data[:rows].shape)
    weight.data[:rows] = changed.to(weight.dtype)


def _tied(model: Model) -> bool:
    """Whether embedding and unembedding are one weight."""
    parts = model.network.architecture
    weights = {w.module: w.value for w in effective_weights(model.network.module, model.adapter)}
    return same_tensor(weights[parts.embed], weights.get(parts.unembed, weights[parts.embed]))


def _untie(network: Network) -> None:
    """Gives the unembedding its own weight: finetuning may have changed only one of the two."""
    embed = attrgetter(network.architecture.embed)(network.module)
    unembed = attrgetter(network.architecture.unembed)(network.module)
    if embed.weight is unembed.weight:
        unembed.weight = nn.Parameter(embed.weight.detach().clone(), requires_grad=False)


LOG_TOLERANCE = 0.05
"""Largest accepted difference between the logarithms of the measured and the wanted KL."""

MIN_RATIO = 0.01
"""Smaller measured values, such as 0 in bfloat16, count as this share of the wanted KL."""


def control_scale_for_kl(
    kl_at: Callable[[float], float], wanted: float, *, start: float = 1.0, rounds: int = 12
) -> float:
    """The factor on a random change's norms at which its mean KL has the wanted value.

    The secant method on logarithms: the KL grows with the square of small scales, then faster.

    Args:
        kl_at: mean KL at a scale, in nats per token.
        wanted: the wanted mean KL, in the same unit; if it is 0 (or below, by rounding), so is the
            scale.
        start: the first scale tried.
        rounds: maximal number of scales tried; the last correction is not tried, so a KL that
            cannot be reached is missed.

    Raises:
        UserError: the KL is not finite at some scale.
    """
    if wanted <= 0:
        return 0.0
    x, slope, before = log(start), 2.0, None
    for _ in range(rounds):
        found = kl_at(exp(x))
        if not isfinite(found):
            raise UserError(
                f"A random change at {exp(x):.3g} times the norms drifts by {found} nats a token.",
                hint="Try: --dtype float32",
            )
        y = log(max(found / wanted, MIN_RATIO))
        if abs(y) <= LOG_TOLERANCE:
            break
        if before is not None and before[0] != x:
            slope = min(max((y - before[1]) / (x - before[0]), 1.0), 10.0)
        before, x = (x, y), x - y / slope
    return exp(x)
