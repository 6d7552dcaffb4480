"""What a prefix is to do, as a loss."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Model


@dataclass(frozen=True)
class EmbeddingGradient:
    """A loss and its gradient at a prefix's embeddings."""

    loss: float
    """Mean over the items, in the objective's unit."""
    gradient: Float[Tensor, "length hidden"]


class Objective(ABC):
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
