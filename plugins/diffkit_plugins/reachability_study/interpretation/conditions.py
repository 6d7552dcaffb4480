"""Rows that compare conditions: experiments 1, 2a and 2b, with and without FFNs.

Takes the results of the study. Gives rows of the interpretation guide.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from diffkit_plugins.reachability_study.interpretation.criteria import (
    FLOOR_CAVEAT,
    LARGE_FACTOR,
    SIMILAR_FACTOR,
    InterpretationRow,
    MedianComparison,
    floor_text,
    interpretation_row,
    mostly_floor,
)
from diffkit_plugins.reachability_study.outcomes import ConditionOutcome, StudyResults

ALL_SHARE = 0.95
"""Share of targets that counts as all."""
UNCONVERGED = "Exp 1 some don't converge"
_PAIRS = (
    ("real", "real, no FFNs"),
    ("matched", "matched, no FFNs"),
    ("raw", "raw, no FFNs"),
    ("real", "whole model's real, no FFNs"),
)
"""Conditions with and without FFNs; both conditions of the last pair have the same targets."""


def basic_rows(results: StudyResults) -> Iterator[InterpretationRow]:
    """Rows on experiments 1, 2a and 2b."""
    real, matched, raw = (results.of_condition(name) for name in ("real", "matched", "raw"))
    yield from _convergence(real)
    meaning = "Distribution-matched random targets are just as reachable as real ones."
    yield _similar("Exp 2a ≈ Exp 1", real, matched, meaning)
    yield _worse(matched, raw)
    yield _similar("Exp 2b ≈ Exp 2a", matched, raw, _space_meaning(matched, raw))


def _convergence(real: ConditionOutcome | None) -> Iterator[InterpretationRow]:
    share = None if real is None else float(real.reached.float().mean())
    numbers = ""
    if real is not None:
        count, among = int(real.reached.sum()), len(real.reached)
        numbers = (
            f"{count} of {among} targets below 1 % of their initial MSE; all means {ALL_SHARE:.0%}"
        )
    yield interpretation_row(
        "Exp 1 all converge to ~0",
        None if share is None else share >= ALL_SHARE,
        numbers,
        "Optimisation works; the baseline is clean.",
    )
    yield interpretation_row(
        UNCONVERGED,
        None if share is None else share < ALL_SHARE,
        numbers,
        "Optimisation has bad local minima: more restarts or steps before any conclusion.",
    )


def _space_meaning(matched: ConditionOutcome | None, raw: ConditionOutcome | None) -> str:
    """What follows if both are similar; the guide's words apply only if most were reached."""
    both = [o for o in (matched, raw) if o is not None]
    if any(float(outcome.reached_above_floor.float().mean()) < 0.5 for outcome in both):
        return "Both are equally hard, but most were not reached: nothing follows about space."
    return "Most of residual space is reachable; nonlinearities are not the bottleneck."


def _similar(
    name: str, first: ConditionOutcome | None, second: ConditionOutcome | None, meaning: str
) -> InterpretationRow:
    if first is None or second is None:
        return interpretation_row(name, None, "", "")
    found = MedianComparison.of(first.best, second.best)
    numbers = f"MSE: {found}{floor_text(first, second)}; alike is within a factor of 2"
    return interpretation_row(name, found.similar, numbers, meaning)


def _worse(matched: ConditionOutcome | None, raw: ConditionOutcome | None) -> InterpretationRow:
    name = "Exp 2b much worse than 2a"
    if matched is None or raw is None:
        return interpretation_row(name, None, "", "")
    found = MedianComparison.of(matched.best, raw.best)
    numbers = f"MSE: {found}{floor_text(matched, raw)}; much worse is a factor of 10 with p < 0.01"
    meaning = "The reachable set is concentrated near the natural manifold."
    meaning += FLOOR_CAVEAT if mostly_floor(raw) else ""
    return interpretation_row(
        name, found.ratio >= LARGE_FACTOR and found.p < 0.01, numbers, meaning
    )


@dataclass(frozen=True)
class FFNContrast:
    """One kind of targets with and without FFNs, by relative error above the floor."""

    name: str
    comparison: MedianComparison
    """The first sample is with FFNs, the second without."""
    reached: tuple[float, float]
    """Shares of targets reached, with and without FFNs."""


def ffn_contrasts(results: StudyResults) -> list[FFNContrast]:
    """The contrasts of all pairs whose conditions both ran."""
    found = []
    for full_name, without_name in _PAIRS:
        whole, without = results.of_condition(full_name), results.of_condition(without_name)
        if whole is not None and without is not None:
            found.append(_contrast(without_name, whole, without))
    return found


def _contrast(name: str, whole: ConditionOutcome, without: ConditionOutcome) -> FFNContrast:
    shares = float(whole.reached.float().mean()), float(without.reached.float().mean())
    return FFNContrast(
        name, MedianComparison.of(whole.relative_excess, without.relative_excess), shares
    )


def ffn_rows(results: StudyResults) -> tuple[InterpretationRow, InterpretationRow]:
    """Whether the FFNs are net-positive, and whether they are net-negative.

    A kind of targets is evidence for the FFNs if the median relative error without them is at
    least twice as large with p < 0.01, and against them if it is at most half as large. A row holds
    if there is evidence for it and none against it.
    """
    found = ffn_contrasts(results)
    helped = [c for c in found if c.comparison.p < 0.01 and c.comparison.ratio >= SIMILAR_FACTOR]
    hindered = [
        c for c in found if c.comparison.p < 0.01 and c.comparison.ratio <= 1 / SIMILAR_FACTOR
    ]
    numbers = "; ".join(
        f"{c.name}: relative error {c.comparison.first:.2g} with and {c.comparison.second:.2g} "
        f"without (p = {c.comparison.p:.2g})"
        for c in found
    )
    measured = bool(found)
    return (
        interpretation_row(
            "FFN nonlinearities are net-positive for reachability",
            bool(helped and not hindered) if measured else None,
            numbers,
            "Adam comes nearer with the FFNs than without them.",
        ),
        interpretation_row(
            "FFN nonlinearities are net-negative for reachability",
            bool(hindered and not helped) if measured else None,
            numbers,
            "Adam comes nearer without the FFNs than with them.",
        ),
    )
