"""Histograms of the best final error of each target."""

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from diffkit_plugins.reachability_study.outcome import THRESHOLD, Outcome
from diffkit_plugins.reachability_study.pictures.canvas import BLUE, ORANGE, Grid, Picture

_BINS = 30
_TINY = 1e-30


def final_mse(experiment: str, outcomes: Sequence[Outcome]) -> Picture:
    """Draws the distribution of the best MSE over targets, one panel for each condition."""
    title = f"Experiment {experiment}: best final MSE of each target"
    grid = Grid.of(len(outcomes), title, x="mean squared error (log scale)", y="targets")
    edges = _edges(outcomes)
    for panel, outcome in zip(grid.panels, outcomes, strict=True):
        panel.hist(outcome.best.numpy(), bins=edges, color=BLUE)
        threshold = THRESHOLD * float(outcome.initial.quantile(0.5))
        panel.axvline(threshold, color=ORANGE, ls="--", lw=1.2, label="1 % of initial MSE (median)")
        panel.set_xscale("log")
        panel.set_title(outcome.condition.name, fontsize=10)
    grid.panels[0].yaxis.set_major_locator(MaxNLocator(integer=True))
    grid.legend()
    name = f"experiment_{experiment}.final_mse_histogram.png"
    text = " ".join(_words(outcome) for outcome in outcomes)
    return Picture(name, title, text, grid.drawing)


def _edges(outcomes: Sequence[Outcome]) -> NDArray[np.float64]:
    """Bins from the least error to the largest threshold or error, equal in log."""
    values = [max(float(o.best.min()), _TINY) for o in outcomes]
    ends = [
        max(float(o.best.max()), 2 * THRESHOLD * float(o.initial.quantile(0.5))) for o in outcomes
    ]
    return np.geomspace(min(values) * 0.8, max(ends) * 1.25, _BINS)


def _words(outcome: Outcome) -> str:
    low, middle, high = (float(outcome.best.quantile(q)) for q in (0.1, 0.5, 0.9))
    return (
        f"{outcome.condition.name}: median {middle:.2g}, from {low:.2g} (10 %) to {high:.2g} "
        f"(90 %); {int(outcome.reached.sum())} of {len(outcome.best)} targets below 1 % of their "
        "initial MSE."
    )
