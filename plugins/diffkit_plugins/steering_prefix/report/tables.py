"""Findings as tables: searches and prefixes beside each other.

Takes searches or evaluated prefixes, and their baselines. Gives tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from diffkit import Table
from diffkit_plugins.steering_prefix.baselines import (
    PrefixBaselines,
    RandomPrefixes,
    SplitHalf,
    format_count,
)
from diffkit_plugins.steering_prefix.config import SearchOptions
from diffkit_plugins.steering_prefix.evaluation import Agreement, CompletionHalf, PrefixEvaluation
from diffkit_plugins.steering_prefix.objectives.base import PrefixObjective
from diffkit_plugins.steering_prefix.search.results import SearchRun
from diffkit_plugins.steering_prefix.search.scorer import FluencyPenalty


@dataclass(frozen=True)
class TableColumn:
    """A column, which has a cell for every row."""

    name: str
    cells: Sequence[str | int | float | None]


def make_table(title: str, columns: Sequence[TableColumn]) -> Table:
    """Columns side by side.

    Raises:
        ValueError: they are not equally long.
    """
    rows = tuple(zip(*(column.cells for column in columns), strict=True))
    return Table(title=title, columns=tuple(column.name for column in columns), rows=rows)


def run_columns(searches: Sequence[SearchRun]) -> list[TableColumn]:
    """Which successive prefix and which start each search was, where there are several."""
    both = (
        TableColumn("successive prefix", [search.successive + 1 for search in searches]),
        TableColumn("start", [search.restart + 1 for search in searches]),
    )
    return [column for column in both if len(set(column.cells)) > 1]


def penalty_columns(
    searches: Sequence[SearchRun], objective: PrefixObjective, options: SearchOptions
) -> list[TableColumn]:
    """What was added to the losses, and how unlikely the model finds each prefix itself.

    Only where an option penalises prefixes.

    Args:
        searches: the rows.
        objective: whose model reads the prefixes.
        options: of the search.
    """
    if not options.penalises:
        return []
    fluency = FluencyPenalty(objective.model, 1.0)
    device = objective.model.device
    own = [float(fluency.penalties(torch.tensor([one.ids], device=device))[0]) for one in searches]
    return [
        TableColumn("penalty", [search.penalty for search in searches]),
        TableColumn("its own nats per token", own),
    ]


def stage_columns(searches: Sequence[SearchRun], baselines: PrefixBaselines) -> list[TableColumn]:
    """Every stage in training, and the soft prompt and its tokens on held-out items too.

    Args:
        searches: the rows; those without a stage leave its cell empty.
        baselines: has the held-out items.
    """
    columns = []
    for stage in dict.fromkeys(stage for one in searches for stage, _ in one.found.stages):
        after = [dict(one.found.stages).get(stage) for one in searches]
        columns.append(TableColumn(f"{stage}, training", _displayed(after, baselines)))
        own = [_held_out_loss(one, stage, baselines.half) for one in searches]
        if baselines.held_out and any(loss is not None for loss in own):
            columns.append(TableColumn(f"{stage}, held out", _displayed(own, baselines)))
    return columns


def _held_out_loss(search: SearchRun, stage: str, half: SplitHalf) -> float | None:
    found = search.found
    if stage == "soft" and found.soft is not None:
        objective = half.objective
        soft = found.soft.to(objective.model.device)
        return objective.gradient(soft, range(objective.items)).loss
    if stage == "projected" and found.projected is not None:
        return half.loss(found.projected)
    return None


def _displayed(losses: Sequence[float | None], baselines: PrefixBaselines) -> list[float | None]:
    return [None if loss is None else baselines.measure.of(loss) for loss in losses]


def found_table(
    searches: Sequence[SearchRun],
    losses: Sequence[float],
    baselines: PrefixBaselines,
    options: SearchOptions,
    where: str = "",
) -> Table:
    """The prefixes that were found, and how each does on items that no search saw.

    Args:
        searches: the result first.
        losses: a mean loss of each on the baselines' items.
        baselines: what they are held against.
        options: of the search.
        where: begins the title, such as ``Layer 1: ``.
    """
    columns = [
        TableColumn("prefix", [search.text for search in searches]),
        *run_columns(searches),
        *_significance_columns(losses, baselines),
        *_loss_columns(searches, losses, baselines),
        *penalty_columns(searches, baselines.half.objective, options),
    ]
    return make_table(where + _found_title(baselines), columns)


def _significance_columns(losses: Sequence[float], baselines: PrefixBaselines) -> list[TableColumn]:
    """Shares of the gap, where its floor is known, and p-values, where they are exact."""
    gap, chance, columns = baselines.half.gap, baselines.chance, []
    if baselines.floor_is_known:
        columns.append(TableColumn("gap closed", [gap.closed(loss) for loss in losses]))
        columns.append(TableColumn("best random", [gap.closed(chance.best)] * len(losses)))
    if baselines.held_out:
        columns.append(TableColumn("p", [chance.p(loss) for loss in losses]))
    return columns


def _loss_columns(
    searches: Sequence[SearchRun], losses: Sequence[float], baselines: PrefixBaselines
) -> list[TableColumn]:
    measure, count = baselines.measure, len(searches)
    columns = [TableColumn(measure.noun, [measure.of(loss) for loss in losses])]
    if not baselines.floor_is_known:
        best = measure.of(baselines.chance.best)
        columns.append(TableColumn("best random", [best] * count))
    empty = measure.of(baselines.half.gap.empty)
    columns.append(TableColumn(f"{measure.noun} without", [empty] * count))
    if baselines.held_out:
        training = [measure.of(search.loss) for search in searches]
        columns.append(TableColumn(f"training {measure.noun}", training))
    return columns


def _found_title(baselines: PrefixBaselines) -> str:
    random = format_count(len(baselines.chance.losses), "random prefix")
    items = baselines.half.objective.items
    on = f"held-out items ({items})" if baselines.held_out else "the bare prompt, nothing held out"
    share = "share of the gap closed, also by " if baselines.floor_is_known else "beside it "
    p = (
        "; p: (1 + random prefixes that do as well) / (1 + random prefixes)"
        if baselines.held_out
        else ""
    )
    return (
        f"The prefix on {on}: {share}the best of {random} (of the length that is "
        f"searched for; pruning may leave fewer tokens){p}; {baselines.measure.title}"
    )


def comparison_table(
    compared: Sequence[SearchRun],
    losses: Sequence[float],
    baselines: PrefixBaselines,
    options: SearchOptions,
    where: str = "",
) -> Table:
    """Every optimiser with the same budget, and what each had after its stages.

    Args:
        compared: one search with each.
        losses: a mean loss of each one's prefix on the baselines' items.
        baselines: what they are held against.
        options: of the search.
        where: begins the title, such as ``Layer 1: ``.
    """
    measure, gap = baselines.measure, baselines.half.gap
    columns = [
        TableColumn("optimiser", [search.optimiser for search in compared]),
        TableColumn("prefix", [search.text for search in compared]),
        TableColumn("training", [measure.of(search.loss) for search in compared]),
    ]
    if baselines.held_out:
        columns.append(TableColumn("held out", [measure.of(loss) for loss in losses]))
    if baselines.floor_is_known:
        columns.append(TableColumn("gap closed", [gap.closed(loss) for loss in losses]))
    columns += penalty_columns(compared, baselines.half.objective, options)
    columns += stage_columns(compared, baselines)
    what = "Every optimiser with the same budget" if len(compared) > 1 else "The optimiser's stages"
    return make_table(
        f"{where}{what}: {measure.title} of its prefix, then after each stage", columns
    )


TableRow = tuple[str | int | float | None, ...]


def loss_table(standings: Sequence[PrefixEvaluation], training: CompletionHalf,
               held_out: CompletionHalf,
               chance: RandomPrefixes) -> Table:  # fmt: skip
    """Losses of the prefix, its baselines and random prefixes."""
    gap = held_out.half.gap
    rows: list[TableRow] = [
        (
            standing.name,
            standing.text,
            standing.training.loss,
            standing.held_out.loss,
            gap.closed(standing.held_out.loss),
            standing.held_out.entropy,
            standing.held_out.entropy - held_out.entropy_floor,
        )
        for standing in standings
    ]
    count = len(chance.losses)
    for name, loss in ((f"best of {count} random", chance.best), ("median random", chance.median)):
        rows.append((name, None, None, loss, gap.closed(loss), None, None))
    floors = (training.half.gap.floor, gap.floor)
    rows.append(("the reference itself", None, *floors, 1.0, held_out.entropy_floor, 0.0))
    return Table(
        title="Prefixes beside each other: losses in nats per token; gap and CE (cross-entropy) "
        "of held-out suffixes; random ones are of the length that is searched for",
        columns=(
            "which",
            "prefix",
            "training",
            "held out",
            "gap closed",
            "CE",
            "CE above the reference's",
        ),
        rows=tuple(rows),
    )


def agreement_table(standings: Sequence[PrefixEvaluation], first: int) -> Table:
    """How far completions under each prefix are the reference's.

    Args:
        standings: the prefixes.
        first: K of exact@K.
    """
    rows: list[TableRow] = []
    for standing in standings:
        halves = (
            ("held out, greedy", standing.held_out.greedy),
            ("held out, sampled", standing.held_out.sampled),
            ("training, greedy", standing.training.greedy),
        )
        rows += [
            _agreement_row(standing.name, name, found)
            for name, found in halves
            if found is not None
        ]
    return Table(
        title="Completions under each prefix beside the reference's: shares",
        columns=("which", "suffixes", "exact", f"first {first} tokens exact", "tokens that agree"),
        rows=tuple(rows),
    )


def _agreement_row(which: str, half: str, found: Agreement) -> TableRow:
    return which, half, found.exact, found.exact_first, found.tokens
