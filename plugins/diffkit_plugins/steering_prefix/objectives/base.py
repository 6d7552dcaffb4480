"""The interface of an objective: a loss of prefixes, which is a mean over items.

Takes prefixes as token ids, or as embeddings for a gradient. Gives the loss on each item, and
gradients at the embeddings.
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
    """A loss of prefixes, which is a mean over items; lower is better.

    Items are suffixes, or texts. A search uses the training items only; the held-out items are
    another objective of the same class.
    """

    model: Model
    """The model that reads the prefix."""

    @property
    @abstractmethod
    def items(self) -> int:
        """The number of items; they are numbered from 0."""

    @property
    @abstractmethod
    def unit(self) -> str:
        """The unit of the losses, such as ``nats per token``."""

    @property
    @abstractmethod
    def floors(self) -> Float[Tensor, " items"]:
        """The lowest loss known to be possible for each item, such as that of the reference."""

    @abstractmethod
    def losses(
        self,
        prefixes: Int[Tensor, "prefixes length"],
        items: Sequence[int],
        *,
        parent: Int[Tensor, " parent_length"] | None = None,
    ) -> Float[Tensor, "prefixes items"]:
        """The loss of each prefix on each of some items, without gradients, on the CPU.

        Args:
            prefixes: token ids; of length 0 for no prefix.
            items: numbers of the items.
            parent: a prefix that they are neighbours of; a common beginning is read once.
        """

    @abstractmethod
    def gradient(
        self, embeddings: Float[Tensor, "length hidden"], items: Sequence[int]
    ) -> EmbeddingGradient:
        """The mean loss on some items and its gradient, at any embeddings."""

    @abstractmethod
    def round_trips(self, prefixes: Int[Tensor, "prefixes length"]) -> list[bool]:
        """Whether each prefix keeps its tokens in a round trip through text before an item."""

    def words(self, prefix: Sequence[int]) -> str:
        """A prefix as a user types it before an item."""
        text: str = self.model.tokenizer.decode(list(prefix), clean_up_tokenization_spaces=False)
        return text


@dataclass(frozen=True)
class SurroundingTokens:
    """Tokens around a prefix."""

    before: tuple[int, ...]
    after: tuple[int, ...]


RowLosses = Callable[[Inputs, Sequence[int]], Float[Tensor, " rows"]]
"""Computes the losses of rows, of the items with these numbers; differentiable."""


@dataclass(frozen=True)
class PrefixEmbedder:
    """Computes gradients at the embeddings of a prefix between the tokens of prompts."""

    model: Model
    surroundings: Sequence[SurroundingTokens]
    """The tokens around the prefix, one for each item."""
    batch_size: int
    """Rows at a time."""

    def gradient(
        self, prefix: Float[Tensor, "length hidden"], items: Sequence[int], losses: RowLosses
    ) -> EmbeddingGradient:
        """The mean loss of some items, and its gradient in float32 on the device of the prefix.

        Args:
            prefix: embeddings.
            items: numbers of the items.
            losses: computes the losses of rows.
        """
        leaf = prefix.detach().to(self.model.device, self.model.dtype, copy=True).requires_grad_()
        total = 0.0
        for start in range(0, len(items), self.batch_size):
            batch = items[start : start + self.batch_size]
            # backward too: recomputed blocks need their adapter
            with self.model.active(gradients=True):
                part = losses(self.inputs(leaf, batch), batch).sum() / len(items)
                part.backward()  # type: ignore[no-untyped-call]
            total += float(part.detach())
        gradient = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        return EmbeddingGradient(total, gradient.to(prefix.device, torch.float32))

    def inputs(self, prefix: Float[Tensor, "length hidden"], items: Sequence[int]) -> Inputs:
        """One row for each item, padded on the left, differentiable by the prefix."""
        slot = (0,) * len(prefix)
        surroundings = [self.surroundings[item] for item in items]
        inputs = Inputs.of([(*one.before, *slot, *one.after) for one in surroundings], side="left")
        assert inputs.ids is not None  # noqa: S101 - rows of ids always give ids
        ends = torch.tensor([inputs.mask.shape[1] - len(one.after) for one in surroundings])
        columns = ends[:, None] + torch.arange(-len(prefix), 0)
        rows = torch.arange(len(surroundings))[:, None].expand_as(columns)
        positions = tuple(index.to(prefix.device) for index in (rows, columns))
        table = self.model.embed(inputs.ids)
        filled = table.index_put(positions, prefix.expand(len(surroundings), -1, -1))
        return inputs.to(prefix.device).with_embeds(filled)


@dataclass(frozen=True)
class ObjectiveSplit:
    """Training and held-out objectives without reference completions."""

    layout: PromptLayout
    """Builds prompts, and tokenises prefixes given in words."""
    training: PrefixObjective
    held_out: PrefixObjective
    """The same as in training if there is only one item."""
    training_slots: tuple[PromptSlot, ...]
    """The slots of prefixes, one for each item."""
    held_out_slots: tuple[PromptSlot, ...]
    """The same for held-out items."""
