"""Reads many rows of tokens of which most begin alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Inputs, Model


@dataclass(frozen=True)
class Row:
    """Tokens that are read, and where their loss belongs."""

    tried: int
    column: int
    ids: tuple[int, ...]
    begins: tuple[int, ...]
    """Tokens that other rows begin with too; this one may leave them at some point."""
    kept: int
    """How many of the last positions are predicted from; at least one."""

    @property
    def shared(self) -> int:
        """How many tokens it begins with of those that others begin with."""
        both = zip(self.ids[: len(self.ids) - self.kept], self.begins, strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], both))


@dataclass(frozen=True)
class Read:
    """What was read of some rows."""

    rows: list[Row]
    logits: Float[Tensor, "rows kept width"]
    """At the last positions of each row."""


def read_rows(model: Model, rows: Sequence[Row], batch_size: int) -> Iterator[Read]:
    """Reads rows in batches; what all rows of a batch begin with is read once for all batches.

    Rows that leave the common beginning at one place are read together.

    Args:
        model: reads them.
        rows: in any order.
        batch_size: rows at a time.
    """
    ordered = sorted(rows, key=lambda row: (row.begins, row.shared, len(row.ids)))
    for begins, alike in groupby(ordered, key=lambda row: row.begins):
        together = list(alike)
        prefix = model.prefix(torch.tensor(begins, dtype=torch.long))
        for start in range(0, len(together), batch_size):
            batch = together[start : start + batch_size]
            after = batch[0].shared
            inputs = Inputs.of([row.ids[after:] for row in batch], side="left")
            keep = max(row.kept for row in batch)
            yield Read(batch, prefix.logits(inputs, after=after, keep=keep))
