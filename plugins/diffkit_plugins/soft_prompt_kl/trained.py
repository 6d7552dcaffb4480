"""What training a soft prompt leaves."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Evaluated:
    """A held-out evaluation in the middle of a training."""

    step: int
    """Steps taken before it; 0 is the start."""
    divergence: float
    """Held-out mean divergence per token, clipped, in nats."""
    moved: float
    """KL of the base under the prompt from the base without it, on the same, in nats per token."""
    score: float
    """Held-out divergence less what it costs to move the base: what prompts are compared by."""
    training: float
    """Mean of the training objective since the evaluation before, in nats per token."""
    norm: float
    """Mean norm of the soft tokens, in the vocabulary's median norm."""
    length: int
    """Soft tokens."""


@dataclass(frozen=True)
class Training:
    """One training from one start."""

    best: Float[Tensor, "length hidden"]
    """The prompt with the largest held-out score, float32."""
    last: Float[Tensor, "lengthened hidden"]
    """The prompt after the last step."""
    history: tuple[Evaluated, ...]
    stopped: str
    """Why it ended: ``steps`` or ``patience``."""

    @property
    def score(self) -> float:
        """The largest held-out score."""
        return max(one.score for one in self.history)


@dataclass(frozen=True)
class Trained:
    """All trainings of a pair."""

    trainings: tuple[Training, ...]

    @property
    def best(self) -> Training:
        """The one with the largest held-out score, the first of equals."""
        return max(self.trainings, key=lambda training: training.score)
