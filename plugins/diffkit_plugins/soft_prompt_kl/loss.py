"""What a soft prompt is trained for, at each token that counts."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit.maths import Divergence


@dataclass(frozen=True)
class Band:
    """Entropies that are ordinary, in nats."""

    low: float
    high: float

    def outside(self, entropies: Float[Tensor, " places"]) -> Float[Tensor, " places"]:
        """How far each lies outside."""
        return (self.low - entropies).relu() + (entropies - self.high).relu()


@dataclass(frozen=True)
class Objective:
    """The clipped divergence, less what degenerate optima pay for.

    Clipping keeps a single token from deciding. The other terms keep the base saying what it says
    without a prompt, and the finetuned side where it finds what is read likely and is about as sure
    of what follows as without a prompt.
    """

    divergence: Divergence
    cap: float
    """Nats up to which a token's divergence counts."""
    anchor: float = 0.0
    """Weight of how far the base is moved from what it says without the prompt."""
    fluency: float = 0.0
    """Weight of the finetuned side's negative log-likelihood."""
    entropy: float = 0.0
    """Weight of the entropy outside the band."""
    band: Band | None = None
    """None: no entropy is outside."""

    @property
    def plain(self) -> "Objective":
        """The clipped divergence alone."""
        return replace(self, anchor=0.0, fluency=0.0, entropy=0.0)

    def __call__(
        self,
        log_p: Float[Tensor, "places vocabulary"],
        log_q: Float[Tensor, "places vocabulary"],
        came: Int[Tensor, " places"],
        moved: Float[Tensor, " places"] | None = None,
    ) -> Float[Tensor, " places"]:
        """The objective at each place, in nats; training raises it.

        Args:
            log_p: the finetuned side's log probabilities.
            log_q: the base's.
            came: the tokens that came.
            moved: KL of the base under the prompt from the base without it; none: 0.
        """
        value: Tensor = self.divergence(log_p, log_q).clamp(max=self.cap)
        if moved is not None:
            value = value - self.anchor * moved
        if self.fluency:
            value = value + self.fluency * log_p.gather(-1, came[:, None])[:, 0]
        if self.entropy and self.band:
            value = value - self.entropy * self.band.outside(entropy(log_p))
        return value


def entropy(log_p: Float[Tensor, "places vocabulary"]) -> Float[Tensor, " places"]:
    """Of each distribution, in nats."""
    # Clamped, since 0 · -inf is no number; tokens that are ruled out add 0.
    finite = log_p.clamp(min=torch.finfo(log_p.dtype).min)
    summed: Tensor = -(log_p.exp() * finite).sum(dim=-1)
    return summed
