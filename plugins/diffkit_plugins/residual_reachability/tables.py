"""Turns the errors into findings.

Takes the errors of all layers. Gives tables and a series.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from jaxtyping import Float
from torch import Tensor

from diffkit import Line, Series, Table, Texts
from diffkit_plugins.residual_reachability.search import ReachErrors

_WORDS = 60
"""Characters of a text that identify it in a table."""


@dataclass(frozen=True)
class PositionScore:
    """The score of one text in one layer, under one budget."""

    text: int
    position: int
    layer: int
    budget: float
    size: float
    """‖Δ‖ over the norm of the base's stream."""
    real: float
    """E_c(h + Δ)."""
    typical: float
    """Median E_c(h + QΔ)."""
    score: float
    """S."""


def position_scores(found: Sequence[ReachErrors], budgets: Sequence[float]) -> list[PositionScore]:
    """The scores of all layers, the largest |S| first."""
    rows = [
        PositionScore(
            text=int(errors.deltas.texts[text]),
            position=int(errors.deltas.positions[text]),
            layer=errors.deltas.layer,
            budget=budget,
            size=float(errors.deltas.sizes[text]),
            real=float(errors.real[text, number]),
            typical=float(errors.typical[text, number].exp()),
            score=float(errors.scores[text, number]),
        )
        for errors in found
        for text in range(len(errors.deltas.texts))
        for number, budget in enumerate(budgets)
    ]
    return sorted(rows, key=lambda row: (-abs(row.score), row.layer, row.text, row.budget))


def position_table(rows: Sequence[PositionScore], texts: Texts, count: int) -> Table:
    """The positions with the largest |S|."""
    return Table(
        title="Where prompts come nearer to what finetuning did than to rotations of it (S < 0), "
        "or less near (S > 0)",
        columns=("text", "position, tokens read from the first", "layer", "budget c", "‖Δ‖ / ‖h‖",
                 "E_c(h + Δ)", "median E_c(h + QΔ)", "S"),
        text_columns=("text",),
        rows=tuple(
            (str(texts.items[row.text])[:_WORDS], row.position, row.layer, row.budget, row.size,
             row.real, row.typical, row.score)
            for row in rows[:count]
        ),
    )  # fmt: skip


def summary_table(found: Sequence[ReachErrors], budgets: Sequence[float]) -> Table:
    """Medians over texts for each layer and budget."""
    return Table(
        title="Relative errors and S, medians over texts",
        columns=("layer", "budget c", "texts", "E_c(h + Δ)", "E_c(h + QΔ)", "S", "|S|",
                 "share of texts with S < 0"),
        rows=tuple(
            (errors.deltas.layer, budget, len(errors.real), _median(errors.real[:, number]),
             _median(errors.typical[:, number].exp()), _median(errors.scores[:, number]),
             _median(errors.scores[:, number].abs()),
             float((errors.scores[:, number] < 0).float().mean()))
            for errors in found
            for number, budget in enumerate(budgets)
        ),
    )  # fmt: skip


def median_by_text(found: Sequence[ReachErrors]) -> list[float]:
    """The median S of each text, over layers and budgets."""
    scores = defaultdict[int, list[float]](list)
    for errors in found:
        for text, row in zip(errors.deltas.texts.tolist(), errors.scores.tolist(), strict=True):
            scores[text] += row
    return [median(scores[text]) for text in sorted(scores)]


def errors_by_budget(found: Sequence[ReachErrors], budgets: Sequence[float]) -> Series:
    """Median error by budget, for Δ and for rotations of it."""
    lines = []
    for errors in found:
        names = (("Δ", errors.real), ("rotations of Δ", errors.typical.exp()))
        for name, values in names:
            points = sorted((c, _median(values[:, i])) for i, c in enumerate(budgets))
            x, y = zip(*points, strict=True)
            lines.append(Line(name=f"{name}, layer {errors.deltas.layer}", x=x, y=y))
    return Series(
        title="How near prompts come, by norm budget",
        x_label="budget c, norms of the vocabulary's 95th percentile",
        y_label="relative error, median over texts",
        lines=tuple(lines),
        log_x=True,
    )


def _median(values: Float[Tensor, " texts"]) -> float:
    return float(values.quantile(0.5))
