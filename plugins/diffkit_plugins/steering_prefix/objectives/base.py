"""The interface of an objective: a loss of prefixes that is a mean over items.

Takes prefixes as token ids, or as embeddings where a gradient is wanted. Gives losses for each
item, and gradients at the embeddings.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Inputs, Model
from diffkit_plugins.steering_prefix.prompts.layout import PromptLayout, PromptSlot


@dataclass(frozen=True)
class EmbeddingGradient:
    """A loss and its gradient at a prefix's embeddings."""

    loss: float
    """Mean over the items, in the objective's unit."""
    gradient: Float[Tensor, "length hidden"]


class PrefixObjective(ABC):
    """A loss of prefixes, lower being better, that is a mean over items.

    Items are suffixes, or texts. A search sees the training items alone; what is held out is
    another objective of the same kind.
    """

    model: Model
    """The model that reads the prefix."""

    @property
    @abstractmethod
    def items(self) -> int:
        """How many items there are; losses are read for items 0 to before it."""

    @property
    @abstractmethod
    def unit(self) -> str:
        """What the losses are measured in, such as ``nats per token``."""

    @property
    @abstractmethod
    def floors(self) -> Float[Tensor, " items"]:
        """The least loss of each item that is known to be possible, such as the reference's own."""

    @abstractmethod
    def losses(
        self,
        prefixes: Int[Tensor, "tried length"],
        items: Sequence[int],
        *,
        near: Int[Tensor, " near_length"] | None = None,
    ) -> Float[Tensor, "tried items"]:
        """The loss of each prefix on each of some items, without gradients, on the CPU.

        Args:
            prefixes: token ids; of length 0 for no prefix.
            items: which items.
            near: a prefix that the tried ones begin like: what they share with it is read once.
        """

    @abstractmethod
    def gradient(
        self, embeddings: Float[Tensor, "length hidden"], items: Sequence[int]
    ) -> EmbeddingGradient:
        """The mean loss on some items and its gradient, at embeddings that need not be tokens'."""

    @abstractmethod
    def reads_back(self, prefixes: Int[Tensor, "tried length"]) -> list[bool]:
        """Whether each prefix, decoded and tokenised again before an item, is itself."""


@dataclass(frozen=True)
class SurroundingTokens:
    """Tokens around a prefix."""

    before: tuple[int, ...]
    after: tuple[int, ...]


RowLosses = Callable[[Inputs, Sequence[int]], Float[Tensor, " rows"]]
"""The losses of rows, differentiable by their embeddings, and which items they are of."""


@dataclass(frozen=True)
class PrefixEmbedder:
    """Sets a prefix that is given as embeddings among tokens."""

    model: Model
    around: Sequence[SurroundingTokens]
    """What stands around the prefix, one for each item."""
    batch_size: int
    """Rows at a time."""

    def gradient(
        self, prefix: Float[Tensor, "length hidden"], items: Sequence[int], losses: RowLosses
    ) -> EmbeddingGradient:
        """The mean of some items' losses, and its gradient in float32 where the prefix is.

        Args:
            prefix: embeddings.
            items: which items.
            losses: of the rows of some items.
        """
        leaf = prefix.detach().to(self.model.device, self.model.dtype, copy=True).requires_grad_()
        total = 0.0
        for start in range(0, len(items), self.batch_size):
            batch = items[start : start + self.batch_size]
            # backward too: blocks that are run again need their own adapter
            with self.model.active(gradients=True):
                part = losses(self.inputs(leaf, batch), batch).sum() / len(items)
                part.backward()  # type: ignore[no-untyped-call]
            total += float(part.detach())
        gradient = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        return EmbeddingGradient(total, gradient.to(prefix.device, torch.float32))

    def inputs(self, prefix: Float[Tensor, "length hidden"], items: Sequence[int]) -> Inputs:
        """One row for each item, padded on the left, differentiable by the prefix."""
        hole = (0,) * len(prefix)
        around = [self.around[item] for item in items]
        inputs = Inputs.of([(*one.before, *hole, *one.after) for one in around], side="left")
        assert inputs.ids is not None  # noqa: S101 - rows of ids always give ids
        ends = torch.tensor([inputs.mask.shape[1] - len(one.after) for one in around])
        columns = ends[:, None] + torch.arange(-len(prefix), 0)
        rows = torch.arange(len(around))[:, None].expand_as(columns)
        places = tuple(index.to(prefix.device) for index in (rows, columns))
        table = self.model.embed(inputs.ids)
        filled = table.index_put(places, prefix.expand(len(around), -1, -1))
        return inputs.to(prefix.device).with_embeds(filled)


@dataclass(frozen=True)
class ObjectiveSplit:
    """Two objectives of one kind, where no completions of a reference are to be given."""

    layout: PromptLayout
    """Writes prompts, and tokenises prefixes given in words."""
    training: PrefixObjective
    held_out: PrefixObjective
    """The same as in training where there is one item alone."""
    training_places: tuple[PromptSlot, ...]
    """Where prefixes stand, one for each item."""
    held_out_places: tuple[PromptSlot, ...]
    """The same."""
