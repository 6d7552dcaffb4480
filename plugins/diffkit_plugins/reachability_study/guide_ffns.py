"""The study's question: do the FFNs' nonlinearities help or hinder reachability?"""

from dataclasses import dataclass

from diffkit_plugins.reachability_study.guide import reading
from diffkit_plugins.reachability_study.outcome import Outcome
from diffkit_plugins.reachability_study.reading import ALIKE, Comparison, Reading
from diffkit_plugins.reachability_study.results import Results

_PAIRS = (
    ("real", "real, no FFNs"),
    ("matched", "matched, no FFNs"),
    ("raw", "raw, no FFNs"),
    ("real", "whole model's real, no FFNs"),
)
"""Conditions with and without FFNs; in the last both have the same targets."""


@dataclass(frozen=True)
class Contrast:
    """One kind of targets with and without FFNs, by relative error above the norm's floor."""

    name: str
    comparison: Comparison
    """First with FFNs, then without."""
    reached: tuple[float, float]
    """Shares of targets below 1 % of their initial MSE."""


def contrasts(results: Results) -> list[Contrast]:
    """The pairs of conditions that both ran."""
    found = []
    for whole_name, bare_name in _PAIRS:
        whole, bare = results.named(whole_name), results.named(bare_name)
        if whole is not None and bare is not None:
            found.append(_contrast(bare_name, whole, bare))
    return found


def _contrast(name: str, whole: Outcome, bare: Outcome) -> Contrast:
    shares = float(whole.reached.float().mean()), float(bare.reached.float().mean())
    return Contrast(name, Comparison.of(whole.relative_excess, bare.relative_excess), shares)


def nonlinearities(results: Results) -> tuple[Reading, Reading]:
    """Whether the FFNs are net-positive, and whether they are net-negative.

    A kind of targets speaks for the FFNs if the median relative error is over twice as large
    without them, with p < 0.01, and against them if it is under half as large; the kinds that speak
    must all say the same.
    """
    found = contrasts(results)
    helped = [c for c in found if c.comparison.p < 0.01 and c.comparison.ratio >= ALIKE]
    hindered = [c for c in found if c.comparison.p < 0.01 and c.comparison.ratio <= 1 / ALIKE]
    numbers = "; ".join(
        f"{c.name}: relative error {c.comparison.first:.2g} with and {c.comparison.second:.2g} "
        f"without (p = {c.comparison.p:.2g})"
        for c in found
    )
    measured = bool(found)
    return (
        reading(
            "FFN nonlinearities are net-positive for reachability",
            bool(helped and not hindered) if measured else None,
            numbers,
            "Adam comes nearer with the FFNs than without them.",
        ),
        reading(
            "FFN nonlinearities are net-negative for reachability",
            bool(hindered and not helped) if measured else None,
            numbers,
            "Adam comes nearer without the FFNs than with them.",
        ),
    )
