"""Prints measured ratios with their goals."""

import statistics
from collections.abc import Sequence


def at_most(what: str, goal: float, ratios: Sequence[float]) -> None:
    """Prints the median and the range of ratios, and whether the median is at most ``goal``."""
    _print(what, ratios, f"at most {goal}", met=statistics.median(ratios) <= goal)


def at_least(what: str, goal: float, ratios: Sequence[float]) -> None:
    """Prints the median and the range of ratios, and whether the median is at least ``goal``."""
    _print(what, ratios, f"at least {goal}", met=statistics.median(ratios) >= goal)


def _print(what: str, ratios: Sequence[float], goal: str, *, met: bool) -> None:
    text = f"{statistics.median(ratios):.3g} ({min(ratios):.3g} to {max(ratios):.3g}"
    verdict = "met" if met else "MISSED"
    print(f"{what}: {text}, n = {len(ratios)}); goal {goal}: {verdict}", flush=True)
