"""Searches beside each other, in tables."""

from collections.abc import Sequence

from diffkit import Table
from diffkit_plugins.steering_prefix.baselines import Baselines
from diffkit_plugins.steering_prefix.columns import Column, penalties, table, which
from diffkit_plugins.steering_prefix.counted import counted
from diffkit_plugins.steering_prefix.search_options import SearchOptions
from diffkit_plugins.steering_prefix.searched import Search
from diffkit_plugins.steering_prefix.stages import stage_columns


def found_table(
    searches: Sequence[Search],
    losses: Sequence[float],
    baselines: Baselines,
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
        Column("prefix", [search.text for search in searches]),
        *which(searches),
        *_standing(losses, baselines),
        *_losses(searches, losses, baselines),
        *penalties(searches, baselines.half.objective, options),
    ]
    return table(where + _title(baselines), columns)


def _standing(losses: Sequence[float], baselines: Baselines) -> list[Column]:
    """Shares of the gap, where its floor is known, and p-values, where they are exact."""
    gap, chance, columns = baselines.half.gap, baselines.chance, []
    if baselines.floor_is_known:
        columns.append(Column("gap closed", [gap.closed(loss) for loss in losses]))
        columns.append(Column("best random", [gap.closed(chance.best)] * len(losses)))
    if baselines.held_out:
        columns.append(Column("p", [chance.p(loss) for loss in losses]))
    return columns


def _losses(
    searches: Sequence[Search], losses: Sequence[float], baselines: Baselines
) -> list[Column]:
    measure, count = baselines.measure, len(searches)
    columns = [Column(measure.noun, [measure.of(loss) for loss in losses])]
    if not baselines.floor_is_known:
        best = measure.of(baselines.chance.best)
        columns.append(Column("best random", [best] * count))
    empty = measure.of(baselines.half.gap.empty)
    columns.append(Column(f"{measure.noun} without", [empty] * count))
    if baselines.held_out:
        training = [measure.of(search.loss) for search in searches]
        columns.append(Column(f"training {measure.noun}", training))
    return columns


def _title(baselines: Baselines) -> str:
    random = counted(len(baselines.chance.losses), "random prefix")
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
    compared: Sequence[Search],
    losses: Sequence[float],
    baselines: Baselines,
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
        Column("optimiser", [search.optimiser for search in compared]),
        Column("prefix", [search.text for search in compared]),
        Column("training", [measure.of(search.loss) for search in compared]),
    ]
    if baselines.held_out:
        columns.append(Column("held out", [measure.of(loss) for loss in losses]))
    if baselines.floor_is_known:
        columns.append(Column("gap closed", [gap.closed(loss) for loss in losses]))
    columns += penalties(compared, baselines.half.objective, options)
    columns += stage_columns(compared, baselines)
    what = "Every optimiser with the same budget" if len(compared) > 1 else "The optimiser's stages"
    return table(f"{where}{what}: {measure.title} of its prefix, then after each stage", columns)
