"""The exams of an evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diffkit.evaluation.attempts import component_key
from diffkit.evaluation.cells import Cell, Conditions
from diffkit.evaluation.grades import exam
from diffkit.evaluation.interview import Place, Said
from diffkit.evaluation.plan import Component
from diffkit.grader import Exam, Statement

Claims = Mapping[tuple[Conditions, int], tuple[str, ...]]
"""What each investigator, by its number, claimed of the calibration nulls."""


@dataclass(frozen=True)
class Papers:
    """Makes exams."""

    references: Mapping[str, tuple[str, ...]]
    """Ordinary texts by base."""
    statements: Mapping[str, tuple[Statement, ...]]
    """Distinct truths by base."""
    claims: Claims

    def __call__(self, cell: Cell, reader: int) -> Exam:
        """The same whatever the investigator was given: null claims are of the method itself."""
        base = cell.pair.selected.base.name
        return exam(
            cell.pair,
            self.statements[base],
            reference=self.references[base],
            null_claims=self.claims.get((cell.conditions, reader), ()),
        )


def null_claims(cells: Sequence[Cell], readers: Sequence[Component], said: Said) -> Claims:
    """What investigators claimed of calibration nulls, asked or from tables, by digest of the run.

    Who gave no verdict is left out.
    """
    found: dict[tuple[Conditions, int], dict[str, str]] = {}
    nulls = [cell for cell in cells if cell.pair.role == "calibration" and cell.digest]
    for cell in nulls:  # two kinds may share a null: by its digest it counts once
        for number, reader in enumerate(readers):
            claim = _claim(cell, number, reader, said)
            if claim is not None:
                found.setdefault((cell.conditions, number), {})[cell.digest] = claim
    return {key: tuple(claims[run] for run in sorted(claims)) for key, claims in found.items()}


def _claim(cell: Cell, number: int, reader: Component, said: Said) -> str | None:
    if cell.known:
        return cell.known.claims[component_key(reader)]
    attempt = said.get(Place(cell.key, "method", number, 0))
    return (attempt.verdict.claim or "") if attempt and attempt.verdict else None
