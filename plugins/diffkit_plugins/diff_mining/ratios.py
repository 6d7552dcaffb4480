"""Log ratios of how often each side expects a token, and the sizes of all of them.

Takes expected occurrences, summed over positions. Gives log ratios and the change score.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

PRIOR = 1.0
"""Occurrences that are added to those that each side expects (Laplace's rule of succession)."""

EXPECTED = 2.0
"""A token counts in the change score if it is expected more often than this, as the mean of both
sides over all texts."""


def log_ratios(
    p: Float[Tensor, " vocabulary"], q: Float[Tensor, " vocabulary"]
) -> Float[Tensor, " vocabulary"]:
    """log((p + 1) / (q + 1)) of expected occurrences, in nats.

    A token that neither side expects even once in all texts stays near 0, even if its logits
    changed a lot.

    Args:
        p: how often the finetuned side expects each token.
        q: how often the base does.
    """
    return ((p + PRIOR) / (q + PRIOR)).log()


def standardized_log_ratios(
    p: Float[Tensor, " vocabulary"], q: Float[Tensor, " vocabulary"]
) -> Float[Tensor, " vocabulary"]:
    """The log ratios in the standard errors that they would have if occurrences were counted.

    (Monroe, Colaresi and Quinn, *Fightin' Words*, 2008, with a flat prior.)
    """
    return log_ratios(p, q) / (1 / (p + PRIOR) + 1 / (q + PRIOR)).sqrt()


@dataclass(frozen=True)
class LogRatioSizes:
    """How far the log ratios of tokens that the texts bring to mind are from 0."""

    mean: float
    """The mean absolute log ratio, in nats."""
    self_weighted: float
    """The same weighted by squared ratios: how far the tokens moved that carry the change, in
    nats."""

    @property
    def concentration(self) -> float:
        """How many times as far as the mean the tokens moved that carry the change.

        1 if all moved as far, 0 if none moved.
        """
        return self.self_weighted / self.mean if self.mean else 0.0

    @classmethod
    def of(
        cls, p: Float[Tensor, " vocabulary"], q: Float[Tensor, " vocabulary"]
    ) -> "LogRatioSizes":
        """The sizes over the tokens that are expected more than `EXPECTED` times.

        Other tokens would make the sizes depend on the vocabulary. Where the texts are too short
        for any token to count, all do.

        Args:
            p: how often the finetuned side expects each token.
            q: how often the base does.
        """
        often = (p + q) / 2 > EXPECTED
        sizes = log_ratios(p, q)[often if bool(often.any()) else slice(None)].abs()
        squares = float(sizes.square().sum())
        return cls(float(sizes.mean()), float(sizes.pow(3).sum()) / squares if squares else 0.0)
