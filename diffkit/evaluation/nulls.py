"""The change scores of calibration nulls, which others are held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from diffkit.evaluation.cells import Cell, Conditions
from diffkit.investigator import NullScores


@dataclass(frozen=True)
class Nulls:
    """What the nulls scored under one set of conditions."""

    rungs: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """Kind of null → digest of a run → its score; none where it failed, or says none."""

    def others(self, digest: str) -> tuple[NullScores, ...]:
        """The scores of all nulls but the run ``digest``; a kind whose runs all failed is empty.

        A null is held against the others, as a pair under test is against all.
        """
        return tuple(
            NullScores(
                rung=rung,
                scores=tuple(
                    sorted(
                        score for run, score in runs.items() if score is not None and run != digest
                    )
                ),
            )
            for rung, runs in sorted(self.rungs.items())
        )


def scored(cells: Sequence[Cell]) -> dict[Conditions, Nulls]:
    """What the calibration nulls among ``cells`` scored, by conditions."""
    found: dict[Conditions, dict[str, dict[str, float | None]]] = {}
    for cell in cells:
        if cell.pair.role == "calibration":
            runs = found.setdefault(cell.conditions, {}).setdefault(cell.pair.rung, {})
            runs[cell.digest or f"failed {len(runs)}"] = cell.change_score
    return {conditions: Nulls(rungs) for conditions, rungs in found.items()}
