"""Findings as tables: comparisons of searches and of prefixes.

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
    """A column with a cell for every row."""

    name: str
    cells: Sequence[str | int | float | None]
    holds_texts: bool = False
    """Whether it is one of the table's text columns."""


def make_table(title: str, columns: Sequence[TableColumn]) -> Table:
    """Builds a table of columns.

    Raises:
        ValueError: the columns differ in length.
    """
    rows = tuple(zip(*(column.cells for column in columns), strict=True))
    return Table(
        title=title,
        columns=tuple(column.name for column in columns),
        rows=rows,
        text_columns=tuple(column.name for column in columns if column.holds_texts),
    )


def run_columns(searches: Sequence[SearchRun]) -> list[TableColumn]:
    """The number of the successive prefix and of the start, if there are several."""
    both = (
        TableColumn("successive prefix", [search.successive + 1 for search in searches]),
        TableColumn("start", [search.restart + 1 for search in searches]),
    )
    return [column for column in both if len(set(column.cells)) > 1]


def penalty_columns(
    searches: Sequence[SearchRun], objective: PrefixObjective, options: SearchOptions
) -> list[TableColumn]:
    """The penalty, and the negative log-likelihood of each prefix; none if no option penalises.

    Args:
        searches: the rows.
        objective: its model reads the prefixes.
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
    """Training losses after every stage, and held-out losses of the soft prompt and its tokens.

    Args:
        searches: the rows; the cell of a missing stage is empty.
        baselines: of the held-out items.
    """
    columns = []
    for stage in dict.fromkeys(stage for one in searches for stage, _ in one.result.stages):
        after = [dict(one.result.stages).get(stage) for one in searches]
        columns.append(TableColumn(f"{stage}, training", _displayed(after, baselines)))
        own = [_held_out_loss(one, stage, baselines.half) for one in searches]
        if baselines.held_out and any(loss is not None for loss in own):
            columns.append(TableColumn(f"{stage}, held out", _displayed(own, baselines)))
    return columns


def _held_out_loss(search: SearchRun, stage: str, half: SplitHalf) -> float | None:
    result = search.result
    if stage == "soft" and result.soft is not None:
        objective = half.objective
        soft = result.soft.to(objective.model.device)
        return objective.gradient(soft, range(objective.items)).loss
    if stage == "projected" and result.projected is not None:
        return half.loss(result.projected)
    return None


def _displayed(losses: Sequence[float | None], baselines: PrefixBaselines) -> list[float | None]:
    return [None if loss is None else baselines.display.value(loss) for loss in losses]


def found_table(
    searches: Sequence[SearchRun],
    losses: Sequence[float],
    baselines: PrefixBaselines,
    options: SearchOptions,
    where: str = "",
) -> Table:
    """The prefixes that were found, with their losses on held-out items.

    Args:
        searches: the result first.
        losses: the mean loss of each on the items of the baselines.
        baselines: for comparison.
        options: of the search.
        where: beginning of the title, such as ``Layer 1: ``.
    """
    columns = [
        TableColumn("prefix", [search.text for search in searches], holds_texts=True),
        *run_columns(searches),
        *_significance_columns(losses, baselines),
        *_loss_columns(searches, losses, baselines),
        *penalty_columns(searches, baselines.half.objective, options),
    ]
    return make_table(where + _found_title(baselines), columns)


def _significance_columns(losses: Sequence[float], baselines: PrefixBaselines) -> list[TableColumn]:
    """Shares of the gap if it has a floor, and p-values if they are exact."""
    gap, random, columns = baselines.half.gap, baselines.random, []
    if baselines.has_floor:
        columns.append(TableColumn("gap closed", [gap.closed(loss) for loss in losses]))
        columns.append(TableColumn("best random", [gap.closed(random.best)] * len(losses)))
    if baselines.held_out:
        columns.append(TableColumn("p", [random.p_value(loss) for loss in losses]))
    return columns


def _loss_columns(
    searches: Sequence[SearchRun], losses: Sequence[float], baselines: PrefixBaselines
) -> list[TableColumn]:
    display, count = baselines.display, len(searches)
    columns = [TableColumn(display.noun, [display.value(loss) for loss in losses])]
    if not baselines.has_floor:
        best = display.value(baselines.random.best)
        columns.append(TableColumn("best random", [best] * count))
    empty = display.value(baselines.half.gap.empty)
    columns.append(TableColumn(f"{display.noun} without", [empty] * count))
    if baselines.held_out:
        training = [display.value(search.loss) for search in searches]
        columns.append(TableColumn(f"training {display.noun}", training))
    return columns


def _found_title(baselines: PrefixBaselines) -> str:
    count = format_count(len(baselines.random.losses), "random prefix")
    items = baselines.half.objective.items
    on = f"held-out items ({items})" if baselines.held_out else "the bare prompt, nothing held out"
    share = "share of the gap closed, also by " if baselines.has_floor else "beside it "
    p = (
        "; p: (1 + random prefixes that do as well) / (1 + random prefixes)"
        if baselines.held_out
        else ""
    )
    return (
        f"The prefix on {on}: {share}the best of {count} (of the length that is "
        f"searched for; pruning may leave fewer tokens){p}; {baselines.display.title}"
    )


def comparison_table(
    compared: Sequence[SearchRun],
    losses: Sequence[float],
    baselines: PrefixBaselines,
    options: SearchOptions,
    where: str = "",
) -> Table:
    """All optimisers with the same budget, with the losses after their stages.

    Args:
        compared: one search with each.
        losses: the mean loss of each prefix on the items of the baselines.
        baselines: for comparison.
        options: of the search.
        where: beginning of the title, such as ``Layer 1: ``.
    """
    display, gap = baselines.display, baselines.half.gap
    columns = [
        TableColumn("optimiser", [search.optimiser for search in compared]),
        TableColumn("prefix", [search.text for search in compared], holds_texts=True),
        TableColumn("training", [display.value(search.loss) for search in compared]),
    ]
    if baselines.held_out:
        columns.append(TableColumn("held out", [display.value(loss) for loss in losses]))
    if baselines.has_floor:
        columns.append(TableColumn("gap closed", [gap.closed(loss) for loss in losses]))
    columns += penalty_columns(compared, baselines.half.objective, options)
    columns += stage_columns(compared, baselines)
    what = "Every optimiser with the same budget" if len(compared) > 1 else "The optimiser's stages"
    return make_table(
        f"{where}{what}: {display.title} of its prefix, then after each stage", columns
    )


TableRow = tuple[str | int | float | None, ...]


def loss_table(prefixes: Sequence[PrefixEvaluation], training: CompletionHalf,
               held_out: CompletionHalf,
               random: RandomPrefixes) -> Table:  # fmt: skip
    """Losses of the prefix, its baselines and random prefixes."""
    gap = held_out.half.gap
    rows: list[TableRow] = [
        (
            one.name,
            one.text,
            one.training.loss,
            one.held_out.loss,
            gap.closed(one.held_out.loss),
            one.held_out.entropy,
            one.held_out.entropy - held_out.entropy_floor,
        )
        for one in prefixes
    ]
    count = len(random.losses)
    for name, loss in ((f"best of {count} random", random.best), ("median random", random.median)):
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


def agreement_table(prefixes: Sequence[PrefixEvaluation], first: int) -> Table:
    """Agreement of the completions under each prefix with those of the reference.

    References without a word are left out: nothing agrees with nothing without a search.

    Args:
        prefixes: evaluated prefixes.
        first: K of exact@K.
    """
    rows: list[TableRow] = []
    for one in prefixes:
        halves = (
            ("held out, greedy", one.held_out.greedy),
            ("held out, sampled", one.held_out.sampled),
            ("training, greedy", one.training.greedy),
        )
        rows += [
            _agreement_row(one.name, name, agreement)
            for name, agreement in halves
            if agreement is not None
        ]
    return Table(
        title="Completions under each prefix beside the reference's: shares",
        columns=("which", "suffixes", "exact", f"first {first} tokens exact", "tokens that agree"),
        rows=tuple(rows),
    )


def _agreement_row(name: str, half: str, agreement: Agreement) -> TableRow:
    return name, half, agreement.exact, agreement.exact_first, agreement.tokens
