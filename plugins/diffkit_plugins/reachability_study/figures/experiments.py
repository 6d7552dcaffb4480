"""The figures of one experiment: loss curves, final errors and cosine similarities.

Takes the outcomes of the experiment's conditions. Gives figures with a panel for each condition.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from diffkit_plugins.reachability_study.figures.canvas import (
    BLUE,
    GREY,
    ORANGE,
    DrawnFigure,
    PanelGrid,
)
from diffkit_plugins.reachability_study.outcomes import (
    THRESHOLD,
    ConditionOutcome,
    count_curve_shapes,
    fall_in_last_tenth,
)

_MAX_CURVES = 500
_BINS = 30
_TINY = 1e-30


def draw_loss_curves(
    experiment: str, outcomes: Sequence[ConditionOutcome], falling: float
) -> DrawnFigure:
    """Draws every search's curve, and the median of each condition.

    Args:
        experiment: name of the experiment.
        outcomes: outcomes of its conditions.
        falling: decades that a curve loses in its last tenth if it still falls.
    """
    title = f"Experiment {experiment}: loss curves of all restarts"
    grid = PanelGrid.of(len(outcomes), title, x="Adam steps", y="mean squared error")
    for panel, outcome in zip(grid.panels, outcomes, strict=True):
        _draw_curves(panel, outcome)
    grid.legend()
    name = f"experiment_{experiment}.loss_curves.png"
    text = " ".join(_describe_curves(outcome, falling) for outcome in outcomes)
    return DrawnFigure(name, title, text, grid.drawing)


def _draw_curves(panel: Any, outcome: ConditionOutcome) -> None:
    curves = outcome.curves.flatten(1)
    every = -(-curves.shape[1] // _MAX_CURVES)
    alpha = max(0.08, min(0.9, 20 / curves.shape[1]))
    panel.plot(outcome.steps, curves[:, ::every], color=GREY, lw=0.8, alpha=alpha)
    panel.plot(outcome.steps, outcome.median_curve, color=BLUE, lw=2, label="median")
    if outcome.floor.any():
        floor = float(outcome.floor.quantile(0.5))
        panel.axhline(floor, color=ORANGE, ls="--", lw=1.2, label="final norm's floor (median)")
    panel.set_yscale("log")
    panel.set_title(outcome.condition.name, fontsize=10)


def _describe_curves(outcome: ConditionOutcome, falling: float) -> str:
    kinds = ", ".join(
        f"{count} {kind}" for kind, count in count_curve_shapes(outcome, falling).items()
    )
    curve = outcome.median_curve
    fall = float(fall_in_last_tenth(curve))
    return (
        f"{outcome.condition.name}: the median loss goes from {float(curve[0]):.2g} to "
        f"{float(curve[-1]):.2g} and falls by {fall:.2g} decades in the last "
        f"tenth of {int(outcome.steps[-1])} steps; best curves: {kinds}."
    )


def draw_final_mse(experiment: str, outcomes: Sequence[ConditionOutcome]) -> DrawnFigure:
    """Draws the distribution of the best MSE over targets, one panel for each condition."""
    title = f"Experiment {experiment}: best final MSE of each target"
    grid = PanelGrid.of(len(outcomes), title, x="mean squared error (log scale)", y="targets")
    edges = _bin_edges(outcomes)
    for panel, outcome in zip(grid.panels, outcomes, strict=True):
        panel.hist(outcome.best.numpy(), bins=edges, color=BLUE)
        threshold = THRESHOLD * float(outcome.initial.quantile(0.5))
        panel.axvline(threshold, color=ORANGE, ls="--", lw=1.2, label="1 % of initial MSE (median)")
        panel.set_xscale("log")
        panel.set_title(outcome.condition.name, fontsize=10)
    grid.panels[0].yaxis.set_major_locator(MaxNLocator(integer=True))
    grid.legend()
    name = f"experiment_{experiment}.final_mse_histogram.png"
    text = " ".join(_describe_errors(outcome) for outcome in outcomes)
    return DrawnFigure(name, title, text, grid.drawing)


def _bin_edges(outcomes: Sequence[ConditionOutcome]) -> NDArray[np.float64]:
    """Edges of logarithmic bins that cover all errors and thresholds."""
    values = [max(float(o.best.min()), _TINY) for o in outcomes]
    ends = [
        max(float(o.best.max()), 2 * THRESHOLD * float(o.initial.quantile(0.5))) for o in outcomes
    ]
    return np.geomspace(min(values) * 0.8, max(ends) * 1.25, _BINS)


def _describe_errors(outcome: ConditionOutcome) -> str:
    low, middle, high = (float(outcome.best.quantile(q)) for q in (0.1, 0.5, 0.9))
    return (
        f"{outcome.condition.name}: median {middle:.2g}, from {low:.2g} (10 %) to {high:.2g} "
        f"(90 %); {int(outcome.reached.sum())} of {len(outcome.best)} targets below 1 % of their "
        "initial MSE."
    )


def draw_cosines(experiment: str, outcomes: Sequence[ConditionOutcome]) -> DrawnFigure:
    """Draws each condition's mean cosine similarity over targets, ± one standard deviation."""
    title = f"Experiment {experiment}: cosine similarity with the target by position"
    y = "mean ± standard deviation"
    grid = PanelGrid.of(len(outcomes), title, x="position (from 0)", y=y)
    for panel, outcome in zip(grid.panels, outcomes, strict=True):
        cosines = outcome.best_cosines
        mean, spread = cosines.mean(dim=0), cosines.std(dim=0, correction=0)
        panel.errorbar(range(len(mean)), mean, spread, color=BLUE, ecolor=GREY, marker="o", ms=3)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.set_title(outcome.condition.name, fontsize=10)
    text = " ".join(_describe_cosines(outcome) for outcome in outcomes)
    return DrawnFigure(f"experiment_{experiment}.cosine_by_position.png", title, text, grid.drawing)


def _describe_cosines(outcome: ConditionOutcome) -> str:
    means = outcome.best_cosines.mean(dim=0)
    worst = int(means.argmin())
    return (
        f"{outcome.condition.name}: mean cosine {float(means[0]):.4f} at position 0, "
        f"{float(means[-1]):.4f} at the last, {float(means[worst]):.4f} at the worst ({worst})."
    )
