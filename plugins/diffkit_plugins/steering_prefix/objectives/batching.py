"""Logits of many rows of tokens with common beginnings.

Takes rows in any order. Gives logits in batches; a common beginning is read once if that saves
time.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, takewhile

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Inputs, Model

_PASS_COST = 128
"""Fixed cost of a forward pass, in tokens; measured on a model of a million parameters (5 ms a
pass, 32 tokens a ms)."""


@dataclass(frozen=True)
class TokenRow:
    """A row of tokens, and the position of its loss in the result."""

    prefix: int
    """Number of the prefix."""
    column: int
    """Column of the item."""
    ids: tuple[int, ...]
    beginning: tuple[int, ...]
    """Tokens that other rows begin with too; this row may follow them in part."""
    kept: int
    """Number of last positions whose logits are kept; at least one."""

    @cached_property
    def shared(self) -> int:
        """Number of tokens of the common beginning that it begins with."""
        both = zip(self.ids[: len(self.ids) - self.kept], self.beginning, strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], both))


@dataclass(frozen=True)
class RowLogits:
    """Rows with their logits."""

    rows: list[TokenRow]
    logits: Float[Tensor, "rows kept width"]
    """At the last positions of each row."""


def row_logits(model: Model, rows: Sequence[TokenRow], batch_size: int) -> Iterator[RowLogits]:
    """Reads rows in batches, and a common beginning once if that saves time.

    Args:
        model: computes the logits.
        rows: in any order.
        batch_size: rows at a time.
    """
    others: list[TokenRow] = []
    for beginning, group in groupby(
        sorted(rows, key=lambda row: row.beginning), lambda row: row.beginning
    ):
        alike = sorted(group, key=lambda row: (row.shared, len(row.ids)))
        batches = list(_batches(alike, batch_size, _repeated_tokens))
        saved = sum(len(batch) * batch[0].shared for batch in batches)
        more = len(batches) - math.ceil(len(alike) / batch_size)
        if saved <= _PASS_COST * (1 + more):
            others += alike
            continue
        prefix = model.prefix_cache(torch.tensor(beginning, dtype=torch.long))
        for batch in batches:
            after = batch[0].shared
            inputs = Inputs.of([row.ids[after:] for row in batch], side="left")
            yield RowLogits(batch, prefix.logits(inputs, after=after, keep=_kept(batch)))
    others.sort(key=lambda row: len(row.ids))
    for batch in _batches(others, batch_size, _added_padding):
        inputs = Inputs.of([row.ids for row in batch], side="left")
        yield RowLogits(batch, model.logits(inputs, keep=_kept(batch)))


def _batches(
    rows: Sequence[TokenRow], batch_size: int, wasted: Callable[[Sequence[TokenRow], TokenRow], int]
) -> Iterator[list[TokenRow]]:
    """Batches in the given order that waste fewer tokens than another pass would cost."""
    batch: list[TokenRow] = []
    waste = 0
    for row in rows:
        waste += wasted(batch, row) if batch else 0
        if len(batch) == batch_size or waste > _PASS_COST:
            yield batch
            batch, waste = [], 0
        batch.append(row)
    if batch:
        yield batch


def _repeated_tokens(batch: Sequence[TokenRow], row: TokenRow) -> int:
    """Tokens of the common beginning that a batch reads again for a row."""
    return row.shared - batch[0].shared


def _added_padding(batch: Sequence[TokenRow], row: TokenRow) -> int:
    """Padding that a longer row adds to a batch, in tokens."""
    return len(batch) * (len(row.ids) - len(batch[-1].ids))


def _kept(batch: Sequence[TokenRow]) -> int:
    return max(row.kept for row in batch)
