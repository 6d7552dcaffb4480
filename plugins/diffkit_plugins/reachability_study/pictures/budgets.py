"""Error against the norm that a prompt may have."""

from collections.abc import Sequence
from math import inf
from typing import Any

from diffkit_plugins.reachability_study.outcome import Outcome
from diffkit_plugins.reachability_study.pictures.canvas import (
    BLUE,
    GREEN,
    ORANGE,
    Picture,
    single,
)

_COLOURS = {"real": BLUE, "matched": ORANGE, "raw": GREEN}


def norm_budgets(outcomes: Sequence[Outcome]) -> Picture:
    """Draws the relative error of real, matched and raw targets against the budget.

    Args:
        outcomes: Adam's, with and without budgets.
    """
    title = "Relative error against the norm a prompt may have"
    drawing, axes = single(
        title,
        x="largest norm of a position, in typical token embeddings",
        y="‖reached − target‖ / ‖target‖: median, 10 to 90 %",
    )
    ordered = sorted(outcomes, key=_budget)
    budgets = sorted({_budget(outcome) for outcome in outcomes})
    lines = {name: [o for o in ordered if o.condition.name == name] for name in _COLOURS}
    words = [
        _line(axes, own, [budgets.index(_budget(o)) + 0.06 * number for o in own])
        for number, own in enumerate(lines.values())
        if own
    ]
    axes.set_xticks(range(len(budgets)), [f"{b:g}" if b < inf else "unbounded" for b in budgets])
    axes.set_yscale("log")
    axes.legend(fontsize=8)
    text = f"Median relative error. {'; '.join(words)}."
    return Picture("norm_budgets.png", title, text, drawing)


def _budget(outcome: Outcome) -> float:
    return inf if outcome.budget is None else outcome.budget


def _line(axes: Any, outcomes: Sequence[Outcome], places: Sequence[float]) -> str:
    """Draws one kind of target, and says it in words."""
    name = outcomes[0].condition.name
    lows, medians, highs = (
        [float(outcome.relative.quantile(q)) for outcome in outcomes] for q in (0.1, 0.5, 0.9)
    )
    below = [median - low for median, low in zip(medians, lows, strict=True)]
    above = [high - median for median, high in zip(medians, highs, strict=True)]
    axes.errorbar(
        places, medians, [below, above], color=_COLOURS[name], marker="o", capsize=3, label=name
    )
    values = (f"{m:.2g} ({o.solver})" for m, o in zip(medians, outcomes, strict=True))
    return f"{name}: {', '.join(values)}"
