"""The control rows: what investigators are given in the place of what a method found.

Where a control does as well as the method, the method's findings were not what told the truth.
"""

import random
from collections.abc import Iterable, Sequence
from typing import TypeVar

from diffkit.evaluation.cells import Cell
from diffkit.findings import BOTH_SIDES, Finding, Findings, Sample, Samples, TokenTrace
from diffkit.organism import Control

N = TypeVar("N", str, tuple[str, str])
SEED = 0
"""Seed of who stands in for whom."""


def base_only(evidence: Findings) -> Findings:
    """What only the base side says in ``evidence``: no items where it says nothing."""
    sides = (_base_side(item) for item in evidence.items)
    return Findings(items=tuple(item for item in sides if item is not None))


def _base_side(item: Finding) -> Finding | None:
    match item:
        case Samples(sides=sides) if sides == BOTH_SIDES and any(row.base for row in item.rows):
            rows = (
                Sample(prompt=row.prompt, base=row.base, finetuned=row.base) for row in item.rows
            )
            return item.model_copy(update={"rows": tuple(rows)})
        case TokenTrace() if any(token.base for token in item.tokens):
            tokens = (
                token.model_copy(update={"finetuned": token.base, "base": ()})
                for token in item.tokens
            )
            return item.model_copy(update={"tokens": tuple(tokens)})
        case _:
            return None


def swapped(cells: Sequence[Cell], cell: Cell) -> Cell | None:
    """The cell of another truth that stands in for ``cell``, under the same conditions.

    Truths go around in a circle of seeded order, the same for every method and seed. None where
    there is one truth alone.
    """
    here = [other for other in cells if _comparable(other, cell) and other.answer]
    truths = _shuffled({other.answer for other in here})
    if len(truths) < 2:
        return None
    other = truths[(truths.index(cell.answer) + 1) % len(truths)]
    return _nearest([one for one in here if one.answer == other], cell)


def random_null(cells: Sequence[Cell], cell: Cell) -> Cell | None:
    """The cell of a random change that stands in for ``cell``, under the same conditions.

    Nulls are dealt to truths in a seeded order, the same for every method and seed. None where
    there is none.
    """
    here = [other for other in cells if _comparable(other, cell)]
    truths = _shuffled({other.answer for other in here if other.answer})
    nulls = {
        (other.pair.selected.organism.name, other.pair.selected.variant): other
        for other in here
        if isinstance(other.pair.selected.finetuned, Control)
    }
    order = _shuffled(nulls)
    return nulls[order[truths.index(cell.answer) % len(order)]] if order else None


def _comparable(other: Cell, cell: Cell) -> bool:
    return other.pair.role == "test" and other.conditions == cell.conditions


def _shuffled(names: Iterable[N]) -> list[N]:
    order = sorted(names)
    random.Random(SEED).shuffle(order)  # noqa: S311 - a reproducible order
    return order


def _nearest(cells: Sequence[Cell], cell: Cell) -> Cell:
    """The one of the same variant, else the default one, else the first."""
    wanted = {cell.pair.selected.variant: 0, "default": 1}
    return min(cells, key=lambda one: wanted.get(one.pair.selected.variant, 2))
