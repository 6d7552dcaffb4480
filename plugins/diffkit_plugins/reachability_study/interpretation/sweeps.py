"""Rows on the sweeps of experiments 3 and 4.

Takes the results of the study. Gives rows of the interpretation guide.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log10

from diffkit_plugins.reachability_study.interpretation.criteria import (
    FLOOR_CAVEAT,
    LARGE_FACTOR,
    SIMILAR_FACTOR,
    InterpretationRow,
    interpretation_row,
    mostly_floor,
)
from diffkit_plugins.reachability_study.outcomes import ConditionOutcome, StudyResults

_TINY = 1e-30


@dataclass(frozen=True)
class SweepStep:
    """The change of the median MSE between neighbouring points of a sweep."""

    start: float
    end: float
    decades: float
    """log₁₀ of the ratio of medians; negative if the MSE decreases."""


def sweep_steps(
    outcomes: Sequence[ConditionOutcome], *, above_floor: bool = False
) -> list[SweepStep]:
    """The steps between neighbouring points, in the order of α or f.

    Args:
        outcomes: the outcomes at the points of the sweep.
        above_floor: whether the final norm's floor is subtracted from the errors.
    """
    medians = [
        (o.condition.x, max(float((o.excess if above_floor else o.best).quantile(0.5)), _TINY))
        for o in outcomes
        if o.condition.x is not None
    ]
    return [SweepStep(x0, x1, log10(m1 / m0)) for (x0, m0), (x1, m1) in pairwise(sorted(medians))]


def sweep_rows(results: StudyResults) -> Iterator[InterpretationRow]:
    """Rows on experiments 3 and 4."""
    yield _smooth(results.of_experiment("3"))
    yield _beyond(results.of_experiment("3"))
    yield from _transition(results.of_experiment("4"))


def _inside(steps: Sequence[SweepStep]) -> list[SweepStep]:
    return [step for step in steps if step.start >= 0 and step.end <= 1]


def _smooth(outcomes: Sequence[ConditionOutcome]) -> InterpretationRow:
    name = "Exp 3 smooth across α∈[0,1]"
    steps, above = _inside(sweep_steps(outcomes)), _inside(sweep_steps(outcomes, above_floor=True))
    if len(steps) < 2:
        return interpretation_row(name, None, "", "")
    largest, least = (max(abs(step.decades) for step in each) for each in (steps, above))
    numbers = (
        f"neighbouring α's median MSE differ by a factor of at most {10**largest:.2g}"
        f"{_floor_factor(outcomes, 10**least)}; smooth is below {LARGE_FACTOR:g}"
    )
    meaning = "The reachable set is approximately convex near the data manifold."
    return interpretation_row(name, largest < log10(LARGE_FACTOR), numbers, meaning)


def _beyond(outcomes: Sequence[ConditionOutcome]) -> InterpretationRow:
    name = "Exp 3 sharp degradation at α>1"
    both = sweep_steps(outcomes), sweep_steps(outcomes, above_floor=True)
    steps = [(step, above) for step, above in zip(*both, strict=True) if step.end > 1]
    if not steps:
        return interpretation_row(name, None, "", "")
    first, above = steps[0]
    numbers = (
        f"from α = {first.start:g} to {first.end:g} the median MSE changes by a factor of "
        f"{10**first.decades:.2g}{_floor_factor(outcomes, 10**above.decades)}; "
        f"sharp is {LARGE_FACTOR:g} or more"
    )
    meaning = "The reachable set does not extend far beyond the hull of real activations."
    end = next(outcome for outcome in outcomes if outcome.condition.x == first.end)
    meaning += FLOOR_CAVEAT if mostly_floor(end) else ""
    return interpretation_row(name, first.decades >= log10(LARGE_FACTOR), numbers, meaning)


def _floor_factor(outcomes: Sequence[ConditionOutcome], factor: float) -> str:
    """A factor of the errors above the floor in words; empty without a floor."""
    if not any(outcome.floor.any() for outcome in outcomes):
        return ""
    return f", above the final norm's floor {factor:.2g}"


def _transition(outcomes: Sequence[ConditionOutcome]) -> Iterator[InterpretationRow]:
    steps = sweep_steps(outcomes)
    names = "Exp 4 sharp transition at f≈0.3", "Exp 4 gradual degradation"
    if len(steps) < 3:
        yield from (interpretation_row(name, None, "", "") for name in names)
        return
    total = sum(step.decades for step in steps)
    steepest = max(steps, key=lambda step: step.decades)
    sharp = total >= 1 and steepest.decades > total / 2
    numbers = (
        f"the median MSE rises by {total:.2g} decades in all, {steepest.decades:.2g} of them "
        f"between f = {steepest.start:g} and {steepest.end:g}; sharp is a decade in all, more than "
        "half of it in one step"
    )
    where = sharp and steepest.start <= 0.35 and steepest.end >= 0.25
    meaning = "About 30 % of the dimensions can be freely set; the rest are constrained."
    yield interpretation_row(names[0], where, numbers, meaning)
    gradual = not sharp and total > log10(SIMILAR_FACTOR)
    meaning = "No sharp boundary: reachability is more about optimisation than geometry."
    yield interpretation_row(names[1], gradual, numbers, meaning)
