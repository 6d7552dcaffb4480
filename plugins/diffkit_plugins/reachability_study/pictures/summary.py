"""Every condition of the study beside each other."""

from collections.abc import Sequence
from math import isnan, nan
from typing import Any

from diffkit_plugins.reachability_study.outcome import Outcome
from diffkit_plugins.reachability_study.pictures.canvas import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    Picture,
    single,
)

_COLOURS = {"1": BLUE, "2a": ORANGE, "2b": GREEN, "3": PURPLE, "4": "#F0E442", "ffn": GREY}


def summary(outcomes: Sequence[Outcome]) -> Picture:
    """Draws box plots of the best final MSE, with the final norm's floor where there is one."""
    title = "All conditions: best final MSE of each target"
    drawing, axes = single(
        title,
        x="condition",
        y="mean squared error (log scale)",
        width=max(7.5, 1.5 + 0.42 * len(outcomes)),
        height=6.0,
    )
    _boxes(axes, outcomes)
    _marks(axes, outcomes)
    axes.set_yscale("log")
    axes.tick_params(axis="x", rotation=60)
    for label in axes.get_xticklabels():
        label.set(ha="right", rotation_mode="anchor")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    medians = ", ".join(f"{o.condition.name} {o.median:.2g}" for o in outcomes)
    return Picture("summary.png", title, f"Median best MSE: {medians}.", drawing)


def _boxes(axes: Any, outcomes: Sequence[Outcome]) -> None:
    boxes = axes.boxplot(
        [outcome.best.numpy() for outcome in outcomes],
        tick_labels=[outcome.condition.name for outcome in outcomes],
        patch_artist=True,
        flierprops={"ms": 2},
        medianprops={"color": "black"},
    )
    for box, outcome in zip(boxes["boxes"], outcomes, strict=True):
        box.set_facecolor(_COLOURS[outcome.condition.experiment])
    for experiment in dict.fromkeys(outcome.condition.experiment for outcome in outcomes):
        colour = _COLOURS[experiment]
        axes.scatter([], [], marker="s", color=colour, label=f"experiment {experiment}")


def _marks(axes: Any, outcomes: Sequence[Outcome]) -> None:
    """The floors; where there is none, a logarithmic axis has no place for it."""
    floors = [float(outcome.floor.quantile(0.5)) or nan for outcome in outcomes]
    places = range(1, len(floors) + 1)
    if not all(isnan(floor) for floor in floors):
        axes.scatter(places, floors, marker="x", color="black", zorder=3,
                     label="final norm's floor (median)")  # fmt: skip
