"""Every condition of the study beside each other."""

from collections.abc import Sequence

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
    drawing, axes = single(title, x="condition", y="mean squared error (log scale)",
                           width=max(7.5, 1.5 + 0.42 * len(outcomes)), height=6.0)  # fmt: skip
    names = [outcome.condition.name for outcome in outcomes]
    boxes = axes.boxplot(
        [outcome.best.numpy() for outcome in outcomes],
        tick_labels=names,
        patch_artist=True,
        flierprops={"ms": 2},
        medianprops={"color": "black"},
    )
    for box, outcome in zip(boxes["boxes"], outcomes, strict=True):
        box.set_facecolor(_COLOURS[outcome.condition.experiment])
    floors = [float(outcome.floor.quantile(0.5)) for outcome in outcomes]
    if any(floors):
        axes.scatter(range(1, len(floors) + 1), [floor or float("nan") for floor in floors],
                     marker="_", s=160, color="black", lw=2,
                     label="final norm's floor (median)", zorder=3)  # fmt: skip
    _legend(axes, outcomes)
    axes.set_yscale("log")
    axes.tick_params(axis="x", rotation=60)
    for label in axes.get_xticklabels():
        label.set(ha="right", rotation_mode="anchor")
    medians = ", ".join(f"{o.condition.name} {o.median:.2g}" for o in outcomes)
    return Picture("summary.png", title, f"Median best MSE: {medians}.", drawing)


def _legend(axes: object, outcomes: Sequence[Outcome]) -> None:
    for experiment in dict.fromkeys(outcome.condition.experiment for outcome in outcomes):
        axes.scatter([], [], marker="s", color=_COLOURS[experiment],
                     label=f"experiment {experiment}")  # fmt: skip
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
