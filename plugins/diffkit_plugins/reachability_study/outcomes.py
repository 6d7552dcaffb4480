"""What the searches of each condition reached, and the shape of their loss curves.

Takes the searches' losses. Gives errors, curves and shares of targets reached.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit_plugins.reachability_study.config import Experiment

THRESHOLD = 0.01
"""A target is reached below this share of its initial MSE, as in the study's design."""


@dataclass(frozen=True)
class Condition:
    """One kind of targets."""

    name: str
    """A unique name, for example ``α = 0.5``."""
    experiment: Experiment
    x: float | None = None
    """α in experiment 3, and the fraction in experiment 4."""


@dataclass(frozen=True)
class ConditionOutcome:
    """The searches of one solver for the targets of one condition."""

    condition: Condition
    solver: str
    budget: float | None
    """Bound on the norm at each position, in typical embeddings; None: unbounded."""
    steps: Int[Tensor, " points"]
    """The steps at which the curves are recorded."""
    curves: Float[Tensor, "points targets restarts"]
    """Mean squared error over positions and dimensions at these steps."""
    mse: Float[Tensor, "targets restarts"]
    """MSE of the best prompt of each search."""
    cosines: Float[Tensor, "targets restarts length"]
    """Cosine similarity between the reached stream and the target, by position."""
    norms: Float[Tensor, "targets restarts"]
    """Largest norm over the positions of the prompt, in typical token embeddings."""
    power: Float[Tensor, " targets"]
    """Mean square of each target: the MSE of reaching 0."""
    floor: Float[Tensor, " targets"]
    """Least MSE that the final norm allows; 0 before the norm or if unknown."""

    @cached_property
    def best_restarts(self) -> Int[Tensor, " targets"]:
        """The index of each target's best restart."""
        return self.mse.argmin(dim=1)

    @property
    def best(self) -> Float[Tensor, " targets"]:
        """Least final MSE over restarts."""
        return self.mse.amin(dim=1)

    @property
    def relative(self) -> Float[Tensor, " targets"]:
        """‖reached − target‖ / ‖target‖ of the best restart."""
        return (self.best / self.power).sqrt()

    @property
    def excess(self) -> Float[Tensor, " targets"]:
        """MSE of the best restart above the floor, at least 0."""
        return (self.best - self.floor).clamp(min=0)

    @property
    def relative_excess(self) -> Float[Tensor, " targets"]:
        """√(excess / mean square of the target): the relative error above the floor."""
        return (self.excess / self.power).sqrt()

    @property
    def initial(self) -> Float[Tensor, " targets"]:
        """MSE before the first step, as the median over restarts."""
        return self.curves[0].quantile(0.5, dim=1)

    @property
    def reached(self) -> Bool[Tensor, " targets"]:
        """Whether the best restart ended below `THRESHOLD` times the initial MSE."""
        return self.best < THRESHOLD * self.initial

    @property
    def reached_above_floor(self) -> Bool[Tensor, " targets"]:
        """Whether the excess of the best restart ended below `THRESHOLD` times the initial MSE."""
        return self.excess < THRESHOLD * self.initial

    @property
    def best_cosines(self) -> Float[Tensor, "targets length"]:
        """The cosines of each target's best restart."""
        return self.cosines[torch.arange(len(self.best_restarts)), self.best_restarts]

    @property
    def best_norms(self) -> Float[Tensor, " targets"]:
        """The norm of each target's best restart."""
        return self.norms[torch.arange(len(self.best_restarts)), self.best_restarts]

    @property
    def best_curves(self) -> Float[Tensor, "points targets"]:
        """The curve of each target's best restart."""
        return self.curves[:, torch.arange(len(self.best_restarts)), self.best_restarts]

    @property
    def median_curve(self) -> Float[Tensor, " points"]:
        """The median over all searches at each recorded step."""
        return self.curves.flatten(1).quantile(0.5, dim=1)

    @property
    def restart_deviation(self) -> Float[Tensor, " targets"]:
        """Standard deviation of log₁₀ MSE over restarts; 0 for a single one."""
        logs = self.mse.clamp(min=torch.finfo(self.mse.dtype).tiny).log10()
        return logs.std(dim=1, correction=min(1, logs.shape[1] - 1))

    @property
    def median(self) -> float:
        """Median over targets of the best MSE."""
        return float(self.best.quantile(0.5))


MAX_POINTS = 201
"""Largest number of recorded steps of a curve."""


def kept_points(steps: int) -> Int[Tensor, " points"]:
    """The recorded steps of a curve: the start, the last step, and evenly spaced ones between."""
    return torch.linspace(0, steps, min(steps + 1, MAX_POINTS)).round().long()


def fall_in_last_tenth(curve: Float[Tensor, " points *rest"]) -> Float[Tensor, " *rest"]:
    """Decrease of log₁₀ over the last tenth of a curve's points; negative if it increases."""
    logs = curve.clamp(min=torch.finfo(curve.dtype).tiny).log10()
    return logs[-1 - max(1, len(logs) // 10)] - logs[-1]


def still_falls(outcome: ConditionOutcome, falling: float) -> bool:
    """Whether the median loss fell by more than ``falling`` decades in its last tenth."""
    return float(fall_in_last_tenth(outcome.median_curve)) > falling


def count_curve_shapes(outcome: ConditionOutcome, falling: float) -> dict[str, int]:
    """Counts the targets' best curves that converged, still fall, or are on a plateau.

    A curve has converged below the threshold. Otherwise it still falls if it fell by more than
    ``falling`` decades in its last tenth.
    """
    falls = fall_in_last_tenth(outcome.best_curves) > falling
    converged = outcome.reached
    return {
        "converged": int(converged.sum()),
        "still falling": int((~converged & falls).sum()),
        "plateau": int((~converged & ~falls).sum()),
    }


@dataclass(frozen=True)
class StudyResults:
    """The outcomes of all conditions, in the order in which they ran."""

    outcomes: tuple[ConditionOutcome, ...]
    """Outcomes of Adam without a bound, as in the study's design."""
    by_other_solvers: tuple[ConditionOutcome, ...]
    """Outcomes of the other solvers for the same targets."""
    steps: int
    """Adam's steps, including an extension."""
    planned_steps: int
    """Adam's steps without an extension."""
    still_fell: bool | None
    """Whether experiment 1's median loss still fell after the planned steps; None if not run."""

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """The experiments that ran, in order."""
        return tuple(dict.fromkeys(outcome.condition.experiment for outcome in self.outcomes))

    def of_experiment(self, experiment: Experiment) -> tuple[ConditionOutcome, ...]:
        """The outcomes of an experiment; empty if it did not run."""
        return tuple(o for o in self.outcomes if o.condition.experiment == experiment)

    def of_condition(self, name: str) -> ConditionOutcome | None:
        """The outcome of the condition of that name; None if it did not run."""
        return next((o for o in self.outcomes if o.condition.name == name), None)
