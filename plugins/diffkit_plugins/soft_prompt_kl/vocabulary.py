"""What the embeddings of real tokens are like, which a soft prompt is to resemble."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Model

_ROWS = 4_096
"""Embeddings read at a time."""


@dataclass(frozen=True)
class Vocabulary:
    """Statistics of a table of embeddings."""

    deviation: float
    """Standard deviation of all coordinates of all embeddings."""
    norms: Float[Tensor, " tokens"]
    """Euclidean norm of each embedding, float32."""
    digest: str
    """SHA-256 of the table in float32, in hexadecimal."""

    @property
    def median(self) -> float:
        """Median norm."""
        return self.limit(0.5)

    def limit(self, quantile: float) -> float:
        """A quantile of the norms, the smaller neighbour where it lies between two."""
        return float(np.quantile(self.norms.numpy(), quantile, method="lower"))

    @classmethod
    def of(cls, side: Model, count: int) -> "Vocabulary":
        """Reads a side's embeddings of the first ``count`` tokens, a few at a time."""
        total, squares, norms, digest = 0.0, 0.0, [], hashlib.sha256()
        for rows in _tables(side, count):
            total += float(rows.double().sum())
            squares += float(rows.double().square().sum())
            norms.append(rows.norm(dim=1))
            digest.update(rows.numpy().tobytes())
        entries = count * side.hidden
        deviation = max(squares / entries - (total / entries) ** 2, 0.0) ** 0.5
        return cls(deviation, torch.cat(norms), digest.hexdigest())


def _tables(side: Model, count: int) -> Iterator[Float[Tensor, "rows hidden"]]:
    for start in range(0, count, _ROWS):
        ids = torch.arange(start, min(start + _ROWS, count))
        yield side.embed(ids[None])[0].detach().float().cpu()
