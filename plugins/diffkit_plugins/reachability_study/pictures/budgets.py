"""Error against the norm that a prompt may have, and beside other solvers."""

from collections.abc import Sequence
from math import inf

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
    budgets = sorted({outcome.budget or inf for outcome in outcomes})
    words = []
    for number, (name, colour) in enumerate(_COLOURS.items()):
        own = sorted(
            (o for o in outcomes if o.condition.name == name), key=lambda o: o.budget or inf
        )
        middles = [float(o.relative.quantile(0.5)) for o in own]
        lows = [m - float(o.relative.quantile(0.1)) for m, o in zip(middles, own, strict=True)]
        highs = [float(o.relative.quantile(0.9)) - m for m, o in zip(middles, own, strict=True)]
        places = [budgets.index(o.budget or inf) + 0.06 * (number - 1) for o in own]
        axes.errorbar(
            places, middles, [lows, highs], color=colour, marker="o", capsize=3, label=name
        )
        words.append(
            f"{name}: "
            + ", ".join(f"{m:.2g} ({o.solver})" for m, o in zip(middles, own, strict=True))
        )
    axes.set_xticks(range(len(budgets)), [f"{b:g}" if b < inf else "unbounded" for b in budgets])
    axes.set_yscale("log")
    axes.legend(fontsize=8)
    return Picture(
        "norm_budgets.png", title, "Median relative error. " + "; ".join(words) + ".", drawing
    )
