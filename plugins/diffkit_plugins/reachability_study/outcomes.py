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
"""A target counts as reached below this share of its initial MSE, as the study's design has it."""


@dataclass(frozen=True)
class Condition:
    """Targets of one kind."""

    name: str
    """For people, and unique: ``α = 0.5``."""
    experiment: Experiment
    x: float | None = None
    """α in experiment 3 and the fraction in experiment 4."""


@dataclass(frozen=True)
class ConditionOutcome:
    """Searches for the targets of one condition by one solver."""

    condition: Condition
    solver: str
    budget: float | None
    """Bound on the norm of each position of the prompt, in typical embeddings; none: any."""
    steps: Int[Tensor, " points"]
    """At which steps the curves were read."""
    curves: Float[Tensor, "points targets restarts"]
    """Mean squared error over positions and dimensions, of what was tried at these steps."""
    mse: Float[Tensor, "targets restarts"]
    """Of the best prompt that was tried."""
    cosines: Float[Tensor, "targets restarts length"]
    """Cosine similarity between what was reached and the target, position by position."""
    norms: Float[Tensor, "targets restarts"]
    """Largest norm of a position of the prompt, in typical token embeddings."""
    power: Float[Tensor, " targets"]
    """Mean square of each target: the MSE of reaching 0."""
    floor: Float[Tensor, " targets"]
    """MSE that the final norm alone makes unavoidable; 0 before the norm or where unknown."""

    @cached_property
    def winners(self) -> Int[Tensor, " targets"]:
        """Each target's best restart."""
        return self.mse.argmin(dim=1)

    @property
    def best(self) -> Float[Tensor, " targets"]:
        """Smallest final MSE over restarts."""
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
        """√(excess / mean square of the target): the relative error that is not the norm's."""
        return (self.excess / self.power).sqrt()

    @property
    def initial(self) -> Float[Tensor, " targets"]:
        """MSE before the first step: the median over restarts."""
        return self.curves[0].quantile(0.5, dim=1)

    @property
    def reached(self) -> Bool[Tensor, " targets"]:
        """Whether the best restart ended below `THRESHOLD` of the initial MSE."""
        return self.best < THRESHOLD * self.initial

    @property
    def reached_above_floor(self) -> Bool[Tensor, " targets"]:
        """The same, of what the final norm leaves possible."""
        return self.excess < THRESHOLD * self.initial

    @property
    def best_cosines(self) -> Float[Tensor, "targets length"]:
        """Of each target's best restart."""
        return self.cosines[torch.arange(len(self.winners)), self.winners]

    @property
    def best_norms(self) -> Float[Tensor, " targets"]:
        """Of each target's best restart."""
        return self.norms[torch.arange(len(self.winners)), self.winners]

    @property
    def best_curves(self) -> Float[Tensor, "points targets"]:
        """Of each target's best restart."""
        return self.curves[:, torch.arange(len(self.winners)), self.winners]

    @property
    def median_curve(self) -> Float[Tensor, " points"]:
        """Median over all searches, at each point."""
        return self.curves.flatten(1).quantile(0.5, dim=1)

    @property
    def restart_deviation(self) -> Float[Tensor, " targets"]:
        """Standard deviation of log₁₀ MSE between restarts; 0 where there is one."""
        logs = self.mse.clamp(min=torch.finfo(self.mse.dtype).tiny).log10()
        return logs.std(dim=1, correction=min(1, logs.shape[1] - 1))

    @property
    def median(self) -> float:
        """Median over targets of the best MSE."""
        return float(self.best.quantile(0.5))


MAX_POINTS = 201


def kept_points(steps: int) -> Int[Tensor, " points"]:
    """After how many of ``steps`` steps a curve's points are kept: 0, all, and evenly between."""
    return torch.linspace(0, steps, min(steps + 1, MAX_POINTS)).round().long()


def fall_in_last_tenth(curve: Float[Tensor, " points *rest"]) -> Float[Tensor, " *rest"]:
    """By how much log₁₀ falls over the last tenth of a curve's points (negative: it rises)."""
    logs = curve.clamp(min=torch.finfo(curve.dtype).tiny).log10()
    return logs[-1 - max(1, len(logs) // 10)] - logs[-1]


def still_falls(outcome: ConditionOutcome, falling: float) -> bool:
    """Whether the median loss fell by more than ``falling`` decades in its last tenth."""
    return float(fall_in_last_tenth(outcome.median_curve)) > falling


def count_curve_shapes(outcome: ConditionOutcome, falling: float) -> dict[str, int]:
    """How many targets' best curves are converged, still falling, or on a plateau.

    Converged is below the threshold; the others fell by more than ``falling`` decades in their last
    tenth, or did not.
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
    """Outcomes by experiment, in the order in which they ran."""

    outcomes: tuple[ConditionOutcome, ...]
    """By Adam without a bound: the study's design."""
    beside: tuple[ConditionOutcome, ...]
    """By other solvers, for the same targets."""
    steps: int
    """Adam's, after the extension if there was one."""
    planned: int
    """Adam's steps before any extension."""
    still_fell: bool | None
    """Whether experiment 1's median loss still fell at its planned end; none if it did not run."""

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """Those that ran, in order."""
        return tuple(dict.fromkeys(outcome.condition.experiment for outcome in self.outcomes))

    def of(self, experiment: Experiment) -> tuple[ConditionOutcome, ...]:
        """The outcomes of an experiment; none where it did not run."""
        return tuple(o for o in self.outcomes if o.condition.experiment == experiment)

    def named(self, name: str) -> ConditionOutcome | None:
        """The outcome of the condition of that name, or none."""
        return next((o for o in self.outcomes if o.condition.name == name), None)
