"""The figures that compare conditions, and the list of all figures of a study.

Takes the study's results. Gives figures.
"""

from collections.abc import Iterator, Sequence
from math import inf, isnan, nan
from typing import Any

import torch

from diffkit_plugins.reachability_study.figures.canvas import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    DrawnFigure,
    single_axes,
)
from diffkit_plugins.reachability_study.figures.experiments import (
    draw_cosines,
    draw_final_mse,
    draw_loss_curves,
)
from diffkit_plugins.reachability_study.outcomes import ConditionOutcome, StudyResults

_TARGET_COLOURS = {"real": BLUE, "matched": ORANGE, "raw": GREEN}
_EXPERIMENT_COLOURS = {
    "1": BLUE,
    "2a": ORANGE,
    "2b": GREEN,
    "3": PURPLE,
    "4": "#F0E442",
    "ffn": GREY,
}


def draw_summary(outcomes: Sequence[ConditionOutcome]) -> DrawnFigure:
    """Draws box plots of the best final MSE, with the final norm's floor where there is one."""
    title = "All conditions: best final MSE of each target"
    drawing, axes = single_axes(
        title,
        x="condition",
        y="mean squared error (log scale)",
        width=max(7.5, 1.5 + 0.42 * len(outcomes)),
        height=6.0,
    )
    _draw_boxes(axes, outcomes)
    _draw_floors(axes, outcomes)
    axes.set_yscale("log")
    axes.tick_params(axis="x", rotation=60)
    for label in axes.get_xticklabels():
        label.set(ha="right", rotation_mode="anchor")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    medians = ", ".join(f"{o.condition.name} {o.median:.2g}" for o in outcomes)
    return DrawnFigure("summary.png", title, f"Median best MSE: {medians}.", drawing)


def _draw_boxes(axes: Any, outcomes: Sequence[ConditionOutcome]) -> None:
    boxes = axes.boxplot(
        [outcome.best.numpy() for outcome in outcomes],
        tick_labels=[outcome.condition.name for outcome in outcomes],
        patch_artist=True,
        flierprops={"ms": 2},
        medianprops={"color": "black"},
    )
    for box, outcome in zip(boxes["boxes"], outcomes, strict=True):
        box.set_facecolor(_EXPERIMENT_COLOURS[outcome.condition.experiment])
    for experiment in dict.fromkeys(outcome.condition.experiment for outcome in outcomes):
        colour = _EXPERIMENT_COLOURS[experiment]
        axes.scatter([], [], marker="s", color=colour, label=f"experiment {experiment}")


def _draw_floors(axes: Any, outcomes: Sequence[ConditionOutcome]) -> None:
    """Marks the floors; a floor of 0 cannot be shown on a logarithmic axis."""
    floors = [float(outcome.floor.quantile(0.5)) or nan for outcome in outcomes]
    positions = range(1, len(floors) + 1)
    if not all(isnan(floor) for floor in floors):
        axes.scatter(positions, floors, marker="x", color="black", zorder=3,
                     label="final norm's floor (median)")  # fmt: skip


def draw_sweep(name: str, title: str, x: str, outcomes: Sequence[ConditionOutcome]) -> DrawnFigure:
    """Draws a thin line for each target, the median as a bold line, and the final norm's floor.

    Args:
        name: file name of the artifact.
        title: title of the figure.
        x: label of the conditions' ``x``.
        outcomes: the conditions, with equally many targets.
    """
    ordered = sorted(outcomes, key=lambda o: o.condition.x or 0.0)
    positions = [outcome.condition.x or 0.0 for outcome in ordered]
    best = torch.stack([outcome.best for outcome in ordered])
    floors = torch.stack([outcome.floor for outcome in ordered]).quantile(0.5, dim=1)
    drawing, axes = single_axes(title, x=x, y="best final mean squared error")
    axes.plot(positions, best, color=GREY, lw=0.7, alpha=0.6)
    axes.plot(positions, best.quantile(0.5, dim=1), color=BLUE, lw=2.4, marker="o", label="median")
    if floors.any():
        shown = floors.where(floors > 0, torch.nan)
        axes.plot(positions, shown, color=ORANGE, ls="--", marker="x",
                  label="final norm's floor (median)")  # fmt: skip
    axes.plot([], [], color=GREY, lw=0.7, label="one target each")
    axes.set_yscale("log")
    axes.legend(fontsize=8)
    return DrawnFigure(name, title, _describe_sweep(ordered), drawing)


def _describe_sweep(outcomes: Sequence[ConditionOutcome]) -> str:
    medians = ", ".join(f"{o.median:.2g} at {o.condition.name}" for o in outcomes)
    words = f"Median best MSE over {len(outcomes[0].best)} targets: {medians}."
    floors = [float(o.floor.quantile(0.5)) for o in outcomes]
    if any(floors):
        values = ", ".join(f"{floor:.2g}" for floor in floors)
        words += f" Of these the final norm makes unavoidable: {values}."
    return words


def draw_norm_budgets(outcomes: Sequence[ConditionOutcome]) -> DrawnFigure:
    """Draws the relative error of real, matched and raw targets against the budget.

    Args:
        outcomes: Adam's outcomes with and without budgets.
    """
    title = "Relative error against the norm a prompt may have"
    drawing, axes = single_axes(
        title,
        x="largest norm of a position, in typical token embeddings",
        y="‖reached − target‖ / ‖target‖: median, 10 to 90 %",
    )
    ordered = sorted(outcomes, key=_budget)
    budgets = sorted({_budget(outcome) for outcome in outcomes})
    lines = {name: [o for o in ordered if o.condition.name == name] for name in _TARGET_COLOURS}
    words = [
        _draw_line(axes, own, [budgets.index(_budget(o)) + 0.06 * number for o in own])
        for number, own in enumerate(lines.values())
        if own
    ]
    axes.set_xticks(range(len(budgets)), [f"{b:g}" if b < inf else "unbounded" for b in budgets])
    axes.set_yscale("log")
    axes.legend(fontsize=8)
    text = f"Median relative error. {'; '.join(words)}."
    return DrawnFigure("norm_budgets.png", title, text, drawing)


def _budget(outcome: ConditionOutcome) -> float:
    return inf if outcome.budget is None else outcome.budget


def _draw_line(axes: Any, outcomes: Sequence[ConditionOutcome], positions: Sequence[float]) -> str:
    """Draws the line of one kind of target and describes it in words."""
    name = outcomes[0].condition.name
    lows, medians, highs = (
        [float(outcome.relative.quantile(q)) for outcome in outcomes] for q in (0.1, 0.5, 0.9)
    )
    below = [median - low for median, low in zip(medians, lows, strict=True)]
    above = [high - median for median, high in zip(medians, highs, strict=True)]
    axes.errorbar(
        positions,
        medians,
        [below, above],
        color=_TARGET_COLOURS[name],
        marker="o",
        capsize=3,
        label=name,
    )
    values = (f"{m:.2g} ({o.solver})" for m, o in zip(medians, outcomes, strict=True))
    return f"{name}: {', '.join(values)}"


def draw_figures(results: StudyResults, falling: float) -> Iterator[DrawnFigure]:
    """Draws the figures of the study's design, and those of the additional solvers.

    Args:
        results: the results of the study.
        falling: decades that a curve loses in its last tenth if it still falls.
    """
    yield draw_summary(results.outcomes)
    yield from _draw_sweeps(results)
    bounded = [o for o in results.by_other_solvers if o.budget is not None]
    if bounded:
        names = {o.condition.name for o in bounded}
        unbounded = [o for o in results.outcomes if o.condition.name in names]
        yield draw_norm_budgets([*bounded, *unbounded])
    for experiment in results.experiments:
        outcomes = results.of_experiment(experiment)
        yield draw_loss_curves(experiment, outcomes, falling)
        yield draw_final_mse(experiment, outcomes)
        yield draw_cosines(experiment, outcomes)


def _draw_sweeps(results: StudyResults) -> Iterator[DrawnFigure]:
    if replaced := results.of_experiment("4"):
        yield draw_sweep(
            "experiment4_transition.png",
            "Experiment 4: error against the share of dimensions replaced by noise",
            "share of dimensions replaced",
            replaced,
        )
    if lines := results.of_experiment("3"):
        yield draw_sweep(
            "experiment_3.reachability_curves.png",
            "Experiment 3: error along the lines through pairs of real activations",
            "α (0 and 1 are real activations)",
            lines,
        )
