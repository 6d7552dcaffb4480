"""The study's numbers as tables."""

from collections.abc import Sequence

from jaxtyping import Bool, Float
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
        "condition", "solver", "targets × restarts", "median MSE", "of it floor", "relative error",
        "reached (95 %)", "above floor", "curves: converged / falling / plateau",
        "restarts' deviation, decades", "prompt norm, embeddings",
    )  # fmt: skip
    return Table(title=title, columns=columns, rows=tuple(_row(o, falling) for o in outcomes))


def _row(outcome: Outcome, falling: float) -> tuple[str | int | float | None, ...]:
    targets, restarts = outcome.mse.shape
    return (
        outcome.condition.name,
        outcome.solver,
        f"{targets} × {restarts}",
        outcome.median,
        _median(outcome.floor),
        _median(outcome.relative),
        _share(outcome.reached),
        f"{int(outcome.reached_above_floor.sum())}/{targets}",
        " / ".join(str(count) for count in shapes(outcome, falling).values()),
        _median(outcome.restart_deviation),
        _median(outcome.best_norms),
    )


def _median(values: Float[Tensor, " targets"]) -> float:
    return float(values.quantile(0.5))


def _share(hits: Bool[Tensor, " targets"]) -> str:
    """A share and its Wilson interval."""
    count = int(hits.sum())
    interval = wilson(count, len(hits))
    assert interval is not None  # noqa: S101 - there is at least one target
    return f"{count}/{len(hits)} ({interval.low:.2f} to {interval.high:.2f})"


def guide(readings: Sequence[Reading]) -> Table:
    """The interpretation guide, each row answered."""
    return Table(
        title="Interpretation guide: what was observed, and what it means",
        columns=("observation", "holds", "numbers", "meaning"),
        rows=tuple((r.observation, r.holds, r.numbers, r.meaning) for r in readings),
    )
