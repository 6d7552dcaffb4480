"""The study's numbers as tables."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from diffkit import Table
from diffkit.statistics import wilson
from diffkit_plugins.reachability_study.curves import shapes
from diffkit_plugins.reachability_study.outcome import Outcome
from diffkit_plugins.reachability_study.reading import Reading


def conditions(title: str, outcomes: Sequence[Outcome], falling: float) -> Table:
    """One row for each condition and solver.

    Args:
        title: of the table.
        outcomes: what is shown.
        falling: decades that a curve loses in its last tenth if it still falls.
    """
    columns = (
        "experiment", "condition", "solver", "targets", "restarts", "median MSE", "10 %", "90 %",
        "median floor", "median relative error", "reached", "95 % interval",
        "reached above the floor", "mean cosine", "restarts' deviation, decades",
        "prompt norm, embeddings",
        "converged / falling / plateau",
    )  # fmt: skip
    return Table(title=title, columns=columns, rows=tuple(_row(o, falling) for o in outcomes))


def _row(outcome: Outcome, falling: float) -> tuple[str | int | float | None, ...]:
    targets, restarts = outcome.mse.shape
    hits = int(outcome.reached.sum())
    interval = wilson(hits, targets)
    return (
        outcome.condition.experiment,
        outcome.condition.name,
        outcome.solver,
        targets,
        restarts,
        outcome.median,
        _quantile(outcome.best, 0.1),
        _quantile(outcome.best, 0.9),
        _quantile(outcome.floor, 0.5),
        _quantile(outcome.relative, 0.5),
        hits / targets,
        "" if interval is None else f"{interval.low:.2f} to {interval.high:.2f}",
        float(outcome.reached_above_floor.float().mean()),
        float(outcome.best_cosines.mean()),
        _quantile(outcome.restart_deviation, 0.5),
        _quantile(outcome.best_norms, 0.5),
        " / ".join(str(count) for count in shapes(outcome, falling).values()),
    )


def _quantile(values: Float[Tensor, " targets"], q: float) -> float:
    return float(values.quantile(q))


def guide(readings: Sequence[Reading]) -> Table:
    """The interpretation guide, each row answered."""
    return Table(
        title="Interpretation guide: what was observed, and what it means",
        columns=("observation", "holds", "numbers", "meaning"),
        rows=tuple((r.observation, r.holds, r.numbers, r.meaning) for r in readings),
    )
