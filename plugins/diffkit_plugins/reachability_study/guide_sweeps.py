"""The interpretation guide's rows on experiments 3 and 4, answered by stated criteria."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log10

from diffkit_plugins.reachability_study.guide import reading
from diffkit_plugins.reachability_study.outcome import Outcome
from diffkit_plugins.reachability_study.reading import ALIKE, FAR, Reading
from diffkit_plugins.reachability_study.results import Results

_TINY = 1e-30


@dataclass(frozen=True)
class Rise:
    """How the median MSE goes from one place of a sweep to the next."""

    start: float
    end: float
    decades: float
    """log₁₀ of the ratio of medians; negative where it falls."""


def rises(outcomes: Sequence[Outcome]) -> list[Rise]:
    """Between neighbours, in the order of α or f."""
    ordered = sorted(
        (o.condition.x, max(o.median, _TINY)) for o in outcomes if o.condition.x is not None
    )
    return [Rise(x0, x1, log10(m1 / m0)) for (x0, m0), (x1, m1) in pairwise(ordered)]


def sweeps(results: Results) -> Iterator[Reading]:
    """Rows on experiments 3 and 4."""
    lines, replaced = rises(results.of("3")), rises(results.of("4"))
    yield _smooth([rise for rise in lines if rise.start >= 0 and rise.end <= 1])
    yield _beyond([rise for rise in lines if rise.end > 1])
    yield from _transition(replaced)


def _smooth(inside: Sequence[Rise]) -> Reading:
    name = "Exp 3 smooth across α∈[0,1]"
    if len(inside) < 2:
        return reading(name, None, "", "")
    largest = max(abs(rise.decades) for rise in inside)
    numbers = (
        f"neighbouring α's median MSE differ by a factor of at most {10**largest:.2g}; "
        f"smooth is below {FAR:g}"
    )
    meaning = "The reachable set is approximately convex near the data manifold."
    return reading(name, largest < log10(FAR), numbers, meaning)


def _beyond(outside: Sequence[Rise]) -> Reading:
    name = "Exp 3 sharp degradation at α>1"
    if not outside:
        return reading(name, None, "", "")
    first = outside[0]
    numbers = (
        f"from α = {first.start:g} to {first.end:g} the median MSE changes by a factor of "
        f"{10**first.decades:.2g}; sharp is {FAR:g} or more"
    )
    meaning = "The reachable set does not extend far beyond the hull of real activations."
    return reading(name, first.decades >= log10(FAR), numbers, meaning)


def _transition(steps: Sequence[Rise]) -> Iterator[Reading]:
    names = "Exp 4 sharp transition at f≈0.3", "Exp 4 gradual degradation"
    if len(steps) < 3:
        yield from (reading(name, None, "", "") for name in names)
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
    yield reading(names[0], where, numbers, meaning)
    gradual = not sharp and total > log10(ALIKE)
    meaning = "No sharp boundary: reachability is more about optimisation than geometry."
    yield reading(names[1], gradual, numbers, meaning)
