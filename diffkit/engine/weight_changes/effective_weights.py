"""The weights of a network with an adapter applied, under the names of the base."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True)
class LowRank:
    """A matrix as a scaled product of two thin ones."""

    left: Float[Tensor, "out rank"]
    """LoRA's B (for an embedding, A transposed)."""
    right: Float[Tensor, "rank inputs"]
    """LoRA's A (for an embedding, B transposed)."""
    scale: float
    """Factor of the product, such as alpha / rank."""

    def dense(self) -> Float[Tensor, "out inputs"]:
        """The product, float32."""
        return self.scale * (self.left.float() @ self.right.float())

    def norm(self) -> float:
        """Its Frobenius norm, from the two rank-by-rank Gram matrices."""
        left, right = self.left.double(), self.right.double()
        squared = ((left.T @ left) * (right @ right.T)).sum()
        return abs(self.scale) * float(squared.clamp(min=0).sqrt())

    def plus(self, other: "LowRank", factor: float = 1.0) -> "LowRank":
        """``self + factor * other`` as one product, exactly, of the sum of both ranks, float32."""
        ours = (self.scale * self.left.float(), self.right.float())
        left, right = (part.float().to(self.left.device) for part in (other.left, other.right))
        theirs = (factor * other.scale * left, right)
        return LowRank(torch.cat([ours[0], theirs[0]], 1), torch.cat([ours[1], theirs[1]]), 1.0)


@dataclass(frozen=True)
class Weight:
    """A weight, named as in the base."""

    module: str
    """Dotted path of its module."""
    parameter: str
    """Name inside the module."""
    value: Tensor
    """Its value, without the product in ``low_rank``."""
    low_rank: LowRank | None = None
    """The low-rank product that a LoRA adds to it."""
    turned: bool = False
    """Whether ``value`` is stored as [inputs out]."""

    @property
    def upright(self) -> Tensor:
        """Its value with outputs as rows, whether or not it is stored transposed."""
        return self.value.T if self.turned else self.value

    @property
    def name(self) -> str:
        """Dotted path of the weight itself."""
        return f"{self.module}.{self.parameter}"


def effective_weights(module: nn.Module, adapter: str | None, path: str = "") -> Iterator[Weight]:
    """The weights of ``module`` with ``adapter`` applied (none: of the base), one at a time.

    Args:
        module: a transformers module, with or without peft's layers.
        adapter: name of the adapter.
        path: dotted path of the module.
    """
    from peft.tuners.lora.layer import LoraLayer
    from peft.utils.other import ModulesToSaveWrapper, TrainableTokensWrapper

    if isinstance(module, LoraLayer):
        yield from _with_lora(module, adapter, path)
    elif isinstance(module, ModulesToSaveWrapper):
        saved: Any = module.modules_to_save
        inner = [saved[name] for name in saved if name == adapter] or [module.original_module]
        yield from effective_weights(inner[0], adapter, path)
    elif isinstance(module, TrainableTokensWrapper):
        for weight in effective_weights(module.original_module, adapter, path):
            merged = module.token_adapter.get_merged_weights([adapter] if adapter else [])
            yield replace(weight, value=merged.detach())
    else:
        for name, parameter in module.named_parameters(recurse=False):
            yield Weight(path, name, parameter, turned=is_transposed(module, name))
        for name, child in module.named_children():
            yield from effective_weights(child, adapter, f"{path}.{name}" if path else name)


def is_transposed(module: nn.Module, parameter: str) -> bool:
    """Whether a module stores a weight as [inputs out]: GPT-2's layers do, all others do not."""
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, Conv1D) and parameter == "weight"


def _with_lora(layer: Any, adapter: str | None, path: str) -> Iterator[Weight]:
    for weight in effective_weights(layer.base_layer, adapter, path):
        if adapter is None or adapter not in layer.scaling:
            yield weight
        elif weight.parameter == "weight":
            yield _with_lora_weight(layer, adapter, weight)
        else:
            yield _with_lora_bias(layer, adapter, weight)


def _with_lora_weight(layer: Any, adapter: str, weight: Weight) -> Weight:
    product = low_rank_of(layer, adapter)
    if adapter not in layer.lora_magnitude_vector:
        return replace(weight, low_rank=product)
    if adapter in layer.lora_embedding_A:  # magnitudes are along the other axis: call the layer
        rows = torch.arange(weight.value.shape[0], device=weight.value.device)
        scale = getattr(layer.get_base_layer(), "embed_scale", 1.0)  # Gemma's embeddings have one
        return replace(weight, value=layer(rows).detach() / scale)
    total = weight.upright.float() + product.dense()
    magnitude = layer.lora_magnitude_vector[adapter].weight.float()
    total = (magnitude / total.norm(dim=1))[:, None] * total
    return replace(weight, value=total.T if weight.turned else total)


def _with_lora_bias(layer: Any, adapter: str, weight: Weight) -> Weight:
    extra = layer.lora_B[adapter].bias if adapter in layer.lora_B else None
    if extra is None:
        return weight
    return replace(weight, value=weight.value.float() + layer.scaling[adapter] * extra.float())


def low_rank_of(layer: Any, adapter: str) -> LowRank:
    """The product that a LoRA layer of peft adds to its weight.

    Args:
        layer: a linear or embedding layer.
        adapter: name of an adapter on it.
    """
    scale = float(layer.scaling[adapter])
    if adapter in layer.lora_embedding_A:
        up, down = layer.lora_embedding_A[adapter], layer.lora_embedding_B[adapter]
        return LowRank(up.detach().T, down.detach().T, scale)
    up, down = layer.lora_B[adapter].weight, layer.lora_A[adapter].weight
    return LowRank(up.detach(), down.detach(), scale)
