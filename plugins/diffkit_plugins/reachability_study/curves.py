"""Whether loss curves still fall."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit_plugins.reachability_study.outcome import Outcome

MAX_POINTS = 201


def kept_points(steps: int) -> Int[Tensor, " points"]:
    """After how many of ``steps`` steps a curve's points are kept: 0, all, and evenly between."""
    return torch.linspace(0, steps, min(steps + 1, MAX_POINTS)).round().long()


def last_tenth(curve: Float[Tensor, " points *rest"]) -> Float[Tensor, " *rest"]:
    """By how much log₁₀ falls over the last tenth of a curve's points (negative: it rises)."""
    logs = curve.clamp(min=torch.finfo(curve.dtype).tiny).log10()
    return logs[-1 - max(1, len(logs) // 10)] - logs[-1]


def still_falls(outcome: Outcome, falling: float) -> bool:
    """Whether the median loss fell by more than ``falling`` decades in its last tenth."""
    return float(last_tenth(outcome.median_curve)) > falling


def shapes(outcome: Outcome, falling: float) -> dict[str, int]:
    """How many targets' best curves are converged, still falling, or on a plateau.

    Converged is below the threshold; the others fell by more than ``falling`` decades in their last
    tenth, or did not.
    """
    falls = last_tenth(outcome.best_curves) > falling
    converged = outcome.reached
    return {
        "converged": int(converged.sum()),
        "still falling": int((~converged & falls).sum()),
        "plateau": int((~converged & ~falls).sum()),
    }
