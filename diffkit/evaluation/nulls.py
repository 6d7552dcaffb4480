"""The change scores of calibration nulls, which others are held against."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from diffkit.case import NullScores
from diffkit.evaluation.cells import Cell, Conditions


@dataclass(frozen=True)
class Nulls:
    """What the nulls scored under one set of conditions."""

    rungs: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """Kind of null → digest of a run → its score; none where it failed, or says none."""

    def others(self, digest: str, *, alike: bool = False) -> tuple[NullScores, ...]:
        """The scores of all nulls but the run ``digest``; a kind whose runs all failed is empty.

        A null is held against the others, as a pair under test is against all.

        Args:
            digest: the run that is held against them.
            alike: whether of each kind that it is not of, one is left out, drawn by ``digest``: so
                it is held against as many as a null of that kind is.
        """
        return tuple(
            NullScores(rung=rung, scores=_scores(runs, _left_out(runs, digest, alike=alike)))
            for rung, runs in sorted(self.rungs.items())
        )


def _left_out(runs: Mapping[str, float | None], digest: str, *, alike: bool) -> str:
    """The run that is not counted."""
    if digest in runs or not alike or not runs:
        return digest
    order = sorted(runs)
    return order[int.from_bytes(hashlib.sha256(digest.encode()).digest()[:4], "big") % len(order)]


def _scores(runs: Mapping[str, float | None], left_out: str) -> tuple[float, ...]:
    return tuple(sorted(s for run, s in runs.items() if s is not None and run != left_out))


def scored(cells: Sequence[Cell]) -> dict[Conditions, Nulls]:
    """What the calibration nulls among ``cells`` scored, by conditions."""
    found: dict[Conditions, dict[str, dict[str, float | None]]] = {}
    for cell in cells:
        if cell.pair.role == "calibration":
            runs = found.setdefault(cell.conditions, {}).setdefault(cell.pair.rung, {})
            runs[cell.digest or f"failed {len(runs)}"] = cell.change_score
    return {conditions: Nulls(rungs) for conditions, rungs in found.items()}
