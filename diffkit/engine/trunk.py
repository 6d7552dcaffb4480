"""The differentiable map from input embeddings to the residual stream, for loops of many passes."""

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

if TYPE_CHECKING:
    from diffkit.engine.model import Model


class _Read(Exception):
    """Carries what a block put out past the rest of the pass."""

    def __init__(self, stream: Tensor) -> None:
        self.stream = stream


@dataclass(frozen=True)
class Trunk:
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
                    hooks.append(self._mlp(block).register_forward_hook(_nothing))
                target = self.model.network.blocks[self.layer]
                hooks.append(target.register_forward_hook(_read))
                return self._pass(embeds.to(self.model.device, self.model.dtype))
            finally:
                for hook in hooks:
                    hook.remove()

    def _pass(self, embeds: Tensor) -> Tensor:
        try:
            self.model.network.module(inputs_embeds=embeds, use_cache=False)
        except _Read as read:
            network = self.model.network
            norm = attrgetter(network.architecture.final_norm)(network.module)
            normed: Tensor = norm(read.stream) if self.final_norm else read.stream
            return normed
        msg = f"block {self.layer} did not run"
        raise RuntimeError(msg)

    def _mlp(self, block: nn.Module) -> nn.Module:
        mlp: nn.Module = attrgetter(self.model.network.architecture.mlp)(block)
        return mlp


def _read(_module: nn.Module, _arguments: Any, output: Any) -> None:
    raise _Read(output[0] if isinstance(output, tuple) else output)


def _nothing(_module: nn.Module, _arguments: Any, output: Tensor) -> Tensor:
    return torch.zeros_like(output)
