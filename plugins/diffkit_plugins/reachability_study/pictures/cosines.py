"""How well each position is reached."""

from collections.abc import Sequence

from matplotlib.ticker import MaxNLocator

from diffkit_plugins.reachability_study.outcome import Outcome
from diffkit_plugins.reachability_study.pictures.canvas import BLUE, GREY, Grid, Picture


def cosine_by_position(experiment: str, outcomes: Sequence[Outcome]) -> Picture:
    """Draws each condition's mean cosine similarity over targets, ± one standard deviation."""
    title = f"Experiment {experiment}: cosine similarity with the target by position"
    y = "mean ± standard deviation"
    grid = Grid.of(len(outcomes), title, x="position (from 0)", y=y)
    for panel, outcome in zip(grid.panels, outcomes, strict=True):
        cosines = outcome.best_cosines
        mean, spread = cosines.mean(dim=0), cosines.std(dim=0, correction=0)
        panel.errorbar(range(len(mean)), mean, spread, color=BLUE, ecolor=GREY, marker="o", ms=3)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.set_title(outcome.condition.name, fontsize=10)
    text = " ".join(_words(outcome) for outcome in outcomes)
    return Picture(f"experiment_{experiment}.cosine_by_position.png", title, text, grid.drawing)


def _words(outcome: Outcome) -> str:
    means = outcome.best_cosines.mean(dim=0)
    worst = int(means.argmin())
    return (
        f"{outcome.condition.name}: mean cosine {float(means[0]):.4f} at position 0, "
        f"{float(means[-1]):.4f} at the last, {float(means[worst]):.4f} at the worst ({worst})."
    )
