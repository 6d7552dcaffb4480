"""Reads and edits the residual stream.

`read_blocks` reads block outputs with nnsight; `EmbeddingToResidual` is the differentiable
map from input embeddings to one block's output; an `Edit` replaces a block's output.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diffkit.engine.network import Network

if TYPE_CHECKING:
    from diffkit.engine.model import Model

Edit = Callable[[Float[Tensor, "batch seq hidden"]], Float[Tensor, "batch seq hidden"]]
"""What an edit does to the residual stream."""


class ActiveEdits(threading.local):
    """The edits in force in this thread, as (layer, function), in the order they were made."""

    def __init__(self) -> None:
        self.all: tuple[tuple[int, Edit], ...] = ()


def apply_edit(function: Edit, output: Any) -> Any:
    """A block's output with ``function`` done to it; some architectures put it in a tuple."""
    if isinstance(output, tuple):
        return (function(output[0]), *output[1:])
    return function(output)


def edit_hook(function: Edit) -> Callable[[nn.Module, Any, Any], Any]:
    """A forward hook that does ``function`` to a block's output."""
    return lambda _module, _arguments, output: apply_edit(function, output)


def read_blocks(
    network: Network,
    arguments: Mapping[str, Any],
    layers: Sequence[int],
    edits: Sequence[tuple[int, Edit]] = (),
) -> list[Tensor]:
    """Outputs of blocks, each [batch seq hidden], in the order of ``layers``.

    `Network.side` must be held: two traces on one model at a time raise.

    Args:
        network: the network, switched to the right side.
        arguments: what its module is called with.
        layers: block numbers from 0.
        edits: blocks whose output is replaced by a function of it, and the functions. They are
            made here, not by hooks, because nnsight reads an output before hooks have seen it.
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
    """Carries what a block put out past the rest of the pass."""

    def __init__(self, stream: Tensor) -> None:
        self.stream = stream


@dataclass(frozen=True)
class EmbeddingToResidual:
    """A model from its input embeddings to the residual stream after one block.

    Plain hooks read it, because nnsight's two milliseconds a trace are more than a tiny model's
    pass. The pass ends at the block. Parameters take no gradients, and the edits in force are made.
    """

    model: "Model"
    layer: int
    mlps: bool = True
    final_norm: bool = False

    def __call__(
        self, embeds: Float[Tensor, "batch seq hidden"]
    ) -> Float[Tensor, "batch seq hidden"]:
        """The residual stream of rows without padding; attention is causal, as in any pass.

        Gradients flow where ``embeds`` requires them. Blocks are never checkpointed, since a hook
        in a checkpointed block sees no gradient: what bounds memory is the number of rows.

        Args:
            embeds: input embeddings.
        """
        hooks = []
        with self.model.active(), torch.set_grad_enabled(embeds.requires_grad):
            try:
                for block in () if self.mlps else self.model.network.blocks:
                    hooks.append(self._mlp(block).register_forward_hook(_zero_output))
                target = self.model.network.blocks[self.layer]
                hooks.append(target.register_forward_hook(_stop_at_block))
                return self._pass(embeds.to(self.model.device, self.model.dtype))
            finally:
                for hook in hooks:
                    hook.remove()

    def _pass(self, embeds: Tensor) -> Tensor:
        try:
            self.model.network.module(inputs_embeds=embeds, use_cache=False)
        except _BlockReached as read:
            network = self.model.network
            norm = attrgetter(network.architecture.final_norm)(network.module)
            normed: Tensor = norm(read.stream) if self.final_norm else read.stream
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
