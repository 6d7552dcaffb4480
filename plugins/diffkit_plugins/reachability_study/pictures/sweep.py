"""Error against α or against the fraction replaced, one line for each pair or target."""

from collections.abc import Sequence

import torch

from diffkit_plugins.reachability_study.outcome import Outcome
from diffkit_plugins.reachability_study.pictures.canvas import BLUE, GREY, ORANGE, Picture, single


def sweep(name: str, title: str, x: str, outcomes: Sequence[Outcome]) -> Picture:
    """Draws light lines for each target, the median in bold, and the final norm's floor.

    Args:
        name: of the artifact.
        title: of the picture.
        x: what the conditions' ``x`` is.
        outcomes: the conditions, with equally many targets.
    """
    ordered = sorted(outcomes, key=lambda o: o.condition.x or 0.0)
    places = [outcome.condition.x or 0.0 for outcome in ordered]
    best = torch.stack([outcome.best for outcome in ordered])
    floors = torch.stack([outcome.floor for outcome in ordered]).quantile(0.5, dim=1)
    drawing, axes = single(title, x=x, y="best final mean squared error")
    axes.plot(places, best, color=GREY, lw=0.7, alpha=0.6)
    axes.plot(places, best.quantile(0.5, dim=1), color=BLUE, lw=2.4, marker="o", label="median")
    if floors.any():
        shown = floors.where(floors > 0, torch.nan)
        axes.plot(places, shown, color=ORANGE, ls="--", marker="x",
                  label="final norm's floor (median)")  # fmt: skip
    axes.plot([], [], color=GREY, lw=0.7, label="one target each")
    axes.set_yscale("log")
    axes.legend(fontsize=8)
    return Picture(name, title, _words(ordered), drawing)


def _words(outcomes: Sequence[Outcome]) -> str:
    medians = ", ".join(f"{o.median:.2g} at {o.condition.name}" for o in outcomes)
    words = f"Median best MSE over {len(outcomes[0].best)} targets: {medians}."
    floors = [float(o.floor.quantile(0.5)) for o in outcomes]
    if any(floors):
        values = ", ".join(f"{floor:.2g}" for floor in floors)
        words += f" Of these the final norm makes unavoidable: {values}."
    return words
