"""Builds answer sheets: the truth about a pair, and the other truths on the same base."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import get_args

from diffkit.evaluation.plan import ConfiguredPlugin, PlannedPair, plugin_key
from diffkit.evaluation.planned_runs import AttemptId, AttemptsById, PlannedRun
from diffkit.evaluation.record import Arm, MainArm
from diffkit.evaluation.truths import answer_of
from diffkit.grader import AnswerSheet, TruthStatement

NullGroup = tuple[str, ...]
"""What attempts share that are made alike: base, seed, and method or arm."""

NullClaims = Mapping[tuple[NullGroup, int], tuple[str, ...]]
"""What each investigator, by its number, claimed of the calibration nulls."""


@dataclass(frozen=True)
class AnswerSheetBuilder:
    """Makes exams."""

    references: Mapping[str, tuple[str, ...]]
    """Ordinary texts by base."""
    statements: Mapping[str, tuple[TruthStatement, ...]]
    """Distinct truths by base."""
    claims: NullClaims

    def __call__(self, cell: PlannedRun, arm: Arm, reader: int) -> AnswerSheet:
        """With the claims that the same investigator made of nulls.

        Those of a control are of its method itself, so that both are graded alike.
        """
        base = cell.pair.selected.base.name
        return make_answer_sheet(
            cell.pair,
            self.statements[base],
            reference=self.references[base],
            null_claims=self.claims.get((_group(cell, arm), reader), ()),
        )


def null_claims(
    cells: Sequence[PlannedRun], readers: Sequence[ConfiguredPlugin], said: AttemptsById
) -> NullClaims:
    """What investigators claimed of calibration nulls, asked or from tables, by digest of the run.

    Who gave no verdict is left out.
    """
    found: dict[tuple[NullGroup, int], dict[str, str]] = {}
    nulls = [cell for cell in cells if cell.pair.role == "calibration" and cell.digest]
    for cell, arm in product(nulls, get_args(MainArm)):
        for number, reader in enumerate(readers):
            claim = _claim(cell, AttemptId(cell.key, arm, number, 0), reader, said)
            if claim is not None:
                found.setdefault((_group(cell, arm), number), {})[_null_id(cell, arm)] = claim
    return {key: tuple(claims[run] for run in sorted(claims)) for key, claims in found.items()}


def _group(cell: PlannedRun, arm: Arm) -> NullGroup:
    base, method, seed = cell.conditions
    return (base, str(seed), arm if arm in {"combined", "blackbox"} else method)


def _null_id(cell: PlannedRun, arm: Arm) -> str:
    """By what a null counts once: two kinds may share one, and arms may be many methods'."""
    one = cell.pair.selected
    shared = f"{one.organism.name} {one.variant}"
    return shared if arm in {"combined", "blackbox"} else cell.digest


def _claim(
    cell: PlannedRun, place: AttemptId, reader: ConfiguredPlugin, said: AttemptsById
) -> str | None:
    if cell.known:
        return cell.known.claims[plugin_key(reader)] if place.arm == "method" else None
    attempt = said.get(place)
    return (attempt.verdict.claim or "") if attempt and attempt.verdict else None


def make_answer_sheet(
    pair: PlannedPair,
    statements: tuple[TruthStatement, ...],
    *,
    reference: tuple[str, ...],
    null_claims: tuple[str, ...] = (),
) -> AnswerSheet:
    """The truth about ``pair`` beside the distinct truths of the pairs on the same base.

    Args:
        pair: what is graded.
        statements: those truths; one object for all exams on a base, so that graders find again
            what they made of it.
        reference: ordinary texts on the base.
        null_claims: what the investigator claimed of the calibration nulls.
    """
    organism = pair.selected.organism
    return AnswerSheet(
        truth=organism.truth,
        answer=answer_of(organism),
        family=organism.family,
        key=organism.answer_key,
        statements=statements,
        reference=reference,
        null_claims=null_claims,
    )
