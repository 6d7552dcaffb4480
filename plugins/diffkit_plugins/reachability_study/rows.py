"""Searches that are done, kept in the run's checkpoint: a killed run goes on after the last."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Checkpoints


@dataclass(frozen=True)
class Rows:
    """What searches ended with."""

    curves: Float[Tensor, "rows points"]
    """MSE at the steps that are kept."""
    mse: Float[Tensor, " rows"]
    """Of the best prompt."""
    cosines: Float[Tensor, "rows length"]
    """Of what the best prompt leads to with the target."""
    norms: Float[Tensor, " rows"]
    """Largest norm of a position of the best prompt."""

    def __add__(self, more: "Rows") -> "Rows":
        """These rows, then those."""
        own, others = self.named(), more.named()
        return Rows(**{name: torch.cat([own[name], others[name]]) for name in own})

    def __len__(self) -> int:
        return len(self.mse)

    def named(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


class Ledger:
    """All rows so far, by the condition, solver and number of steps that they belong to."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints
        last = checkpoints.load()
        self._rows = {} if last is None else _rows(last.tensors)

    def done(self, key: str) -> int:
        """How many rows of ``key`` there are."""
        return len(self._rows[key]) if key in self._rows else 0

    def __getitem__(self, key: str) -> Rows:
        """The rows of ``key``."""
        return self._rows[key]

    def add(self, key: str, rows: Rows) -> None:
        """Appends rows and saves the checkpoint."""
        self._rows[key] = self._rows[key] + rows if key in self._rows else rows
        tensors = {
            f"{key}/{name}": tensor
            for key, kept in self._rows.items()
            for name, tensor in kept.named().items()
        }
        self._checkpoints.save(tensors, {})


def _rows(tensors: Mapping[str, Tensor]) -> dict[str, Rows]:
    keys = dict.fromkeys(name.rpartition("/")[0] for name in tensors)
    names = [field.name for field in fields(Rows)]
    return {key: Rows(**{name: tensors[f"{key}/{name}"] for name in names}) for key in keys}
