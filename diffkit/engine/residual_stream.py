"""Reads the residual stream: block outputs, and the map from input embeddings to one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diffkit.engine.adapted_network import AdaptedNetwork, Edit, apply_edit
from diffkit.engine.forward.finite import checked_output, is_finite
from diffkit.engine.forward.limits import fitted
from diffkit.engine.inputs import Inputs
from diffkit.engine.network import Network


def read_blocks(
    network: Network,
    arguments: Mapping[str, Any],
    layers: Sequence[int],
    edits: Sequence[tuple[int, Edit]] = (),
) -> list[Tensor]:
    """Outputs of blocks, each [batch seq hidden], in the order of ``layers``.

    nnsight reads them, and the forward pass stops at the deepest block. `Network.side` must be
    held: two traces of one model at a time raise.

    Args:
        network: the network, switched to the right side.
        arguments: arguments of its module.
        layers: block numbers from 0.
        edits: blocks whose output is replaced by a function of it, and the functions. They are
            applied here, not by hooks, because nnsight reads an output before hooks change it.
    """
    blocks = attrgetter(network.architecture.blocks)(network.traced)
    kept: dict[int, Any] = {}
    # nnsight reads modules in the order in which they run.
    order = range(max(layers, default=-1) + 1)
    with network.traced.trace(**arguments) as tracer:
        for layer in order:
            for number, function in edits:
                if number == layer:
                    blocks[layer].output = apply_edit(function, blocks[layer].output)
            if layer in layers:
                kept[layer] = blocks[layer].output.save()
        tracer.stop()
    outputs = {k: v[0] if isinstance(v, tuple) else v for k, v in kept.items()}
    return [outputs[layer] for layer in layers]


class _BlockReached(Exception):
    """Carries a block's output out of the forward pass, which ends there."""

    def __init__(self, stream: Tensor) -> None:
        self.stream = stream


@dataclass(frozen=True)
class EmbeddingToResidual:
    """The map of a model from its input embeddings to the residual stream after one block.

    It uses plain hooks, because the two milliseconds that nnsight takes for a trace are more than
    the forward pass of a tiny model. The pass ends at the block. Parameters take no gradients, and
    active edits are applied.
    """

    model: AdaptedNetwork
    layer: int
    mlps: bool = True
    final_norm: bool = False

    def __call__(
        self, embeds: Float[Tensor, "batch seq hidden"]
    ) -> Float[Tensor, "batch seq hidden"]:
        """The residual stream of rows without padding; attention is causal, as in any pass.

        Gradients flow where ``embeds`` requires them. Blocks are never checkpointed, since a hook
        in a checkpointed block sees no gradient: memory is bounded by the number of rows.

        Args:
            embeds: input embeddings.
        """
        hooks = []
        real = torch.ones_like(embeds[..., 0], dtype=torch.bool)
        given: Any = fitted(self.model, Inputs(real, embeds=embeds)).embeds
        with self.model.active(), torch.set_grad_enabled(embeds.requires_grad):
            try:
                for block in () if self.mlps else self.model.network.blocks:
                    hooks.append(self._mlp(block).register_forward_hook(_zero_output))
                target = self.model.network.blocks[self.layer]
                hooks.append(target.register_forward_hook(_stop_at_block))
                read = self._pass(given.to(self.model.dtype))
                what = f"the residual stream after block {self.layer}"
                return checked_output(self.model, read, what) if is_finite(embeds) else read
            finally:
                for hook in hooks:
                    hook.remove()

    def _pass(self, embeds: Tensor) -> Tensor:
        try:
            self.model.network.module(inputs_embeds=embeds, use_cache=False)
        except _BlockReached as reached:
            network = self.model.network
            norm = attrgetter(network.architecture.final_norm)(network.module)
            normed: Tensor = norm(reached.stream) if self.final_norm else reached.stream
            return normed
        msg = f"block {self.layer} did not run"
        raise RuntimeError(msg)

    def _mlp(self, block: nn.Module) -> nn.Module:
        mlp: nn.Module = attrgetter(self.model.network.architecture.mlp)(block)
        return mlp


def _stop_at_block(_module: nn.Module, _arguments: Any, output: Any) -> None:
    raise _BlockReached(output[0] if isinstance(output, tuple) else output)


def _zero_output(_module: nn.Module, _arguments: Any, output: Tensor) -> Tensor:
    return torch.zeros_like(output)
