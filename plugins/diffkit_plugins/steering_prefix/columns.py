"""Columns of tables of searches, some of which only some options ask for."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from diffkit import Table
from diffkit_plugins.steering_prefix.fluency import Fluency
from diffkit_plugins.steering_prefix.objective import Objective
from diffkit_plugins.steering_prefix.search_options import SearchOptions
from diffkit_plugins.steering_prefix.searched import Search


@dataclass(frozen=True)
class Column:
    """A column, which has a cell for every row."""

    name: str
    cells: Sequence[str | int | float | None]


def table(title: str, columns: Sequence[Column]) -> Table:
    """Columns side by side.

    Raises:
        ValueError: they are not equally long.
    """
    rows = tuple(zip(*(column.cells for column in columns), strict=True))
    return Table(title=title, columns=tuple(column.name for column in columns), rows=rows)


def which(searches: Sequence[Search]) -> list[Column]:
    """Which successive prefix and which start each search was, where there are several."""
    both = (
        Column("successive prefix", [search.successive + 1 for search in searches]),
        Column("start", [search.restart + 1 for search in searches]),
    )
    return [column for column in both if len(set(column.cells)) > 1]


def penalties(
    searches: Sequence[Search], objective: Objective, options: SearchOptions
) -> list[Column]:
    """What was added to the losses, and how unlikely the model finds each prefix itself.

    Only where an option penalises prefixes.

    Args:
        searches: the rows.
        objective: whose model reads the prefixes.
        options: of the search.
    """
    if not options.penalises:
        return []
    fluency = Fluency(objective.model, 1.0)
    device = objective.model.device
    own = [float(fluency.penalties(torch.tensor([one.ids], device=device))[0]) for one in searches]
    return [
        Column("penalty", [search.penalty for search in searches]),
        Column("its own nats per token", own),
    ]
