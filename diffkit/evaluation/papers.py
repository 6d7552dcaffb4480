"""The exams of an evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import get_args

from diffkit.evaluation.cells import Cell
from diffkit.evaluation.component import component_key
from diffkit.evaluation.grades import exam
from diffkit.evaluation.interview import Place, Said
from diffkit.evaluation.plan import Component
from diffkit.evaluation.record import Arm, MainArm
from diffkit.grader import Exam, Statement

Group = tuple[str, ...]
"""What attempts share that are made alike: base, seed, and method or arm."""
Claims = Mapping[tuple[Group, int], tuple[str, ...]]
"""What each investigator, by its number, claimed of the calibration nulls."""


@dataclass(frozen=True)
class Papers:
    """Makes exams."""

    references: Mapping[str, tuple[str, ...]]
    """Ordinary texts by base."""
    statements: Mapping[str, tuple[Statement, ...]]
    """Distinct truths by base."""
    claims: Claims

    def __call__(self, cell: Cell, arm: Arm, reader: int) -> Exam:
        """With the claims that the same investigator made of nulls.

        Those of a control are of its method itself, so that both are graded alike.
        """
        base = cell.pair.selected.base.name
        return exam(
            cell.pair,
            self.statements[base],
            reference=self.references[base],
            null_claims=self.claims.get((_group(cell, arm), reader), ()),
        )


def null_claims(cells: Sequence[Cell], readers: Sequence[Component], said: Said) -> Claims:
    """What investigators claimed of calibration nulls, asked or from tables, by digest of the run.

    Who gave no verdict is left out.
    """
    found: dict[tuple[Group, int], dict[str, str]] = {}
    nulls = [cell for cell in cells if cell.pair.role == "calibration" and cell.digest]
    for cell, arm in product(nulls, get_args(MainArm)):
        for number, reader in enumerate(readers):
            claim = _claim(cell, Place(cell.key, arm, number, 0), reader, said)
            if claim is not None:
                found.setdefault((_group(cell, arm), number), {})[_null(cell, arm)] = claim
    return {key: tuple(claims[run] for run in sorted(claims)) for key, claims in found.items()}


def _group(cell: Cell, arm: Arm) -> Group:
    base, method, seed = cell.conditions
    return (base, str(seed), arm if arm in {"combined", "blackbox"} else method)


def _null(cell: Cell, arm: Arm) -> str:
    """By what a null counts once: two kinds may share one, and arms may be many methods'."""
    one = cell.pair.selected
    shared = f"{one.organism.name} {one.variant}"
    return shared if arm in {"combined", "blackbox"} else cell.digest


def _claim(cell: Cell, place: Place, reader: Component, said: Said) -> str | None:
    if cell.known:
        return cell.known.claims[component_key(reader)] if place.arm == "method" else None
    attempt = said.get(place)
    return (attempt.verdict.claim or "") if attempt and attempt.verdict else None
