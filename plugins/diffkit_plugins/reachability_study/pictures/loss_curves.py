"""All loss curves of an experiment, one panel for each condition."""

from collections.abc import Sequence
from typing import Any

from diffkit_plugins.reachability_study.curves import last_tenth, shapes
from diffkit_plugins.reachability_study.outcome import Outcome
from diffkit_plugins.reachability_study.pictures.canvas import BLUE, GREY, ORANGE, Grid, Picture

_MAX_CURVES = 500


def loss_curves(experiment: str, outcomes: Sequence[Outcome], falling: float) -> Picture:
    """Draws every search's curve, and the median of each condition.

    Args:
        experiment: its name.
        outcomes: its conditions.
        falling: decades that a curve loses in its last tenth if it still falls.
    """
    title = f"Experiment {experiment}: loss curves of all restarts"
    grid = Grid.of(len(outcomes), title, x="Adam steps", y="mean squared error")
    for panel, outcome in zip(grid.panels, outcomes, strict=True):
        _panel(panel, outcome)
    grid.legend()
    name = f"experiment_{experiment}.loss_curves.png"
    text = " ".join(_words(outcome, falling) for outcome in outcomes)
    return Picture(name, title, text, grid.drawing)


def _panel(panel: Any, outcome: Outcome) -> None:
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


def _words(outcome: Outcome, falling: float) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in shapes(outcome, falling).items())
    curve = outcome.median_curve
    return (
        f"{outcome.condition.name}: the median loss goes from {float(curve[0]):.2g} to "
        f"{float(curve[-1]):.2g} and falls by {float(last_tenth(curve)):.2g} decades in the last "
        f"tenth of {int(outcome.steps[-1])} steps; best curves: {kinds}."
    )
