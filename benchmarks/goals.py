"""How ratios that were measured stand to their goal."""

import statistics
from collections.abc import Sequence


def at_most(what: str, goal: float, ratios: Sequence[float]) -> None:
    """Prints the median and the range of ratios, which is to be ``goal`` at most."""
    _tell(what, ratios, f"at most {goal}", met=statistics.median(ratios) <= goal)


def at_least(what: str, goal: float, ratios: Sequence[float]) -> None:
    """Prints the median and the range of ratios, which is to be ``goal`` at least."""
    _tell(what, ratios, f"at least {goal}", met=statistics.median(ratios) >= goal)


def _tell(what: str, ratios: Sequence[float], goal: str, *, met: bool) -> None:
    told = f"{statistics.median(ratios):.3g} ({min(ratios):.3g} to {max(ratios):.3g}"
    verdict = "met" if met else "MISSED"
    print(f"{what}: {told}, n = {len(ratios)}); goal {goal}: {verdict}", flush=True)
