"""The interpretation guide's rows on experiments 1, 2a and 2b, answered by stated criteria."""

from collections.abc import Iterator

from diffkit_plugins.reachability_study.outcome import Outcome
from diffkit_plugins.reachability_study.reading import (
    FAR,
    Comparison,
    Holds,
    Reading,
    floors,
    mostly_floor,
)
from diffkit_plugins.reachability_study.results import Results

ALL = 0.95
"""Share of targets that counts as all of them."""
UNCONVERGED = "Exp 1 some don't converge"
FLOOR = " Most of this error is the final norm's floor, so it says nothing of prompts."


def answer(holds: bool | None) -> Holds:
    """None: not measured."""
    return "not measured" if holds is None else "yes" if holds else "no"


def reading(observation: str, holds: bool | None, numbers: str, meaning: str) -> Reading:
    """A row, whose meaning is left out where it does not hold."""
    return Reading(observation, answer(holds), numbers, meaning if holds else "")


def basics(results: Results) -> Iterator[Reading]:
    """Rows on experiments 1, 2a and 2b."""
    real, matched, raw = (results.named(name) for name in ("real", "matched", "raw"))
    yield from _convergence(real)
    meaning = "Distribution-matched random targets are just as reachable as real ones."
    yield _alike("Exp 2a ≈ Exp 1", real, matched, meaning)
    yield _worse(matched, raw)
    yield _alike("Exp 2b ≈ Exp 2a", matched, raw, _space(matched, raw))


def _convergence(real: Outcome | None) -> Iterator[Reading]:
    share = None if real is None else float(real.reached.float().mean())
    numbers = ""
    if real is not None:
        count, among = int(real.reached.sum()), len(real.reached)
        numbers = f"{count} of {among} targets below 1 % of their initial MSE; all means {ALL:.0%}"
    yield reading(
        "Exp 1 all converge to ~0",
        None if share is None else share >= ALL,
        numbers,
        "Optimisation works; the baseline is clean.",
    )
    yield reading(
        UNCONVERGED,
        None if share is None else share < ALL,
        numbers,
        "Optimisation has bad local minima: more restarts or steps before any conclusion.",
    )


def _space(matched: Outcome | None, raw: Outcome | None) -> str:
    """What follows if both are alike: the guide's words hold only if most were reached."""
    both = [o for o in (matched, raw) if o is not None]
    if any(float(outcome.reached_above_floor.float().mean()) < 0.5 for outcome in both):
        return "Both are equally hard, but most were not reached: nothing follows about space."
    return "Most of residual space is reachable; nonlinearities are not the bottleneck."


def _alike(name: str, first: Outcome | None, second: Outcome | None, meaning: str) -> Reading:
    if first is None or second is None:
        return reading(name, None, "", "")
    found = Comparison.of(first.best, second.best)
    numbers = f"MSE: {found}{floors(first, second)}; alike is within a factor of 2"
    return reading(name, found.alike, numbers, meaning)


def _worse(matched: Outcome | None, raw: Outcome | None) -> Reading:
    name = "Exp 2b much worse than 2a"
    if matched is None or raw is None:
        return reading(name, None, "", "")
    found = Comparison.of(matched.best, raw.best)
    numbers = f"MSE: {found}{floors(matched, raw)}; much worse is a factor of 10 with p < 0.01"
    meaning = "The reachable set is concentrated near the natural manifold."
    meaning += FLOOR if mostly_floor(raw) else ""
    return reading(name, found.ratio >= FAR and found.p < 0.01, numbers, meaning)
