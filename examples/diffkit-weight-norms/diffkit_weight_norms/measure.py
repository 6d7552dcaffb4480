"""Norms and spectra of the weight changes, one weight at a time.

Takes both models. Gives a `WeightChange` of each changed weight, and means over them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from jaxtyping import Float
from torch import Tensor

from diffkit import ModelPair, WeightDelta


@dataclass(frozen=True)
class WeightChange:
    """What is kept of one weight's change Δ; the weight before it is W."""

    name: str
    """Dotted path of the weight."""
    shape: tuple[int, int]
    """Rows (outputs) and columns (inputs); a bias or norm has one column."""
    frobenius: float
    """‖Δ‖_F, the root of the summed squares, in the weights' own unit."""
    base: float
    """‖W‖_F."""
    values: Float[Tensor, " k"]
    """Largest singular values of Δ, largest first."""
    top: Float[Tensor, " out"]
    """Output direction of the largest singular value, of length 1; its sign means nothing."""

    @property
    def spectral(self) -> float:
        """‖Δ‖₂, the largest singular value."""
        return float(self.values[0])

    @property
    def stable_rank(self) -> float:
        """‖Δ‖_F² / ‖Δ‖₂², between 1 and the rank (Rudelson and Vershynin 2007)."""
        return (self.frobenius / self.spectral) ** 2

    @property
    def relative(self) -> float:
        """‖Δ‖_F / ‖W‖_F, or 0 where the weight was 0 before."""
        return self.frobenius / self.base if self.base else 0.0

    @property
    def is_matrix(self) -> bool:
        """Whether it has a meaningful spectrum: biases and norms always have rank 1."""
        return min(self.shape) > 1


def measure_changes(
    pair: ModelPair, deltas: Iterator[WeightDelta], values: int
) -> Iterator[WeightChange]:
    """Measures changes as they come; no more than one is held as a whole.

    Args:
        pair: both sides, for the weights before the change.
        deltas: the changes.
        values: how many singular values are kept.
    """
    for delta in deltas:
        singular = delta.svd(values)
        weight = getattr(attrgetter(delta.module)(pair.base.network.module), delta.parameter)
        yield WeightChange(
            name=f"{delta.module}.{delta.parameter}",
            shape=(singular.left.shape[0], singular.right.shape[1]),
            frobenius=delta.norm(),
            base=float(weight.double().norm()),
            values=singular.values.cpu(),
            top=singular.left[:, 0].clone(),  # a view would keep all directions
        )


def concentration(changes: Sequence[WeightChange]) -> float | None:
    """Σ‖Δ‖₂² / Σ‖Δ‖_F² over matrices: the share of the change that lies in one direction each.

    Between 1 / rank and 1; none where no matrix changed.
    """
    matrices = [change for change in changes if change.is_matrix]
    if not matrices:
        return None
    whole = sum(change.frobenius**2 for change in matrices)
    return min(1.0, sum(change.spectral**2 for change in matrices) / whole)


def relative_norm(changes: Sequence[WeightChange]) -> float:
    """‖Δ‖_F / ‖W‖_F over all weights that changed, taken as one vector."""
    before = sum(change.base**2 for change in changes)
    after = sum(change.frobenius**2 for change in changes)
    return float((after / before) ** 0.5) if before else 0.0
