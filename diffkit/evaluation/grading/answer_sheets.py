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
"""What attempts at nulls share with an attempt under test: base, seed, and method or arm."""
NullClaims = Mapping[tuple[NullGroup, int], tuple[str, ...]]
"""Claims about calibration nulls by group and index of the investigator."""
SHARED_GRADES: frozenset[Arm] = frozenset({"combined", "blackbox"})
"""Arms whose attempts all methods share, and whose null claims are those of the arm."""


@dataclass(frozen=True)
class AnswerSheetBuilder:
    """Builds the answer sheet of each grade."""

    reference_texts: Mapping[str, tuple[str, ...]]
    """Ordinary texts by base."""
    statements: Mapping[str, tuple[TruthStatement, ...]]
    """Distinct truths by base."""
    null_claims: NullClaims

    def build(self, planned: PlannedRun, arm: Arm, investigator_index: int) -> AnswerSheet:
        """The answer sheet, with the claims of the same investigator about nulls.

        A control gets the claims of its method, so that both are graded in the same way.
        """
        base = planned.pair.selected.base.name
        return make_answer_sheet(
            planned.pair,
            self.statements[base],
            reference=self.reference_texts[base],
            null_claims=self.null_claims.get((_null_group(planned, arm), investigator_index), ()),
        )


def make_answer_sheet(
    pair: PlannedPair,
    statements: tuple[TruthStatement, ...],
    *,
    reference: tuple[str, ...],
    null_claims: tuple[str, ...] = (),
) -> AnswerSheet:
    """The truth about ``pair``, with the distinct truths of all pairs on the same base.

    Args:
        pair: the pair that is graded.
        statements: the distinct truths; the same object for all pairs on a base, so that graders
            can cache what they compute from it.
        reference: ordinary texts on the base.
        null_claims: claims of the investigator about the calibration nulls.
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


def collect_null_claims(
    planned_runs: Sequence[PlannedRun],
    investigators: Sequence[ConfiguredPlugin],
    attempts: AttemptsById,
) -> NullClaims:
    """Claims about calibration nulls, from attempts or tables, in the order of the runs' digests.

    Attempts without a verdict are left out. Tables hold claims about single methods' findings; of
    the nulls there, claims about all methods' findings are merged from these, by investigators that
    can (`Investigator.merge_claims`).
    """
    found: dict[tuple[NullGroup, int], dict[str, str]] = {}
    nulls = [one for one in planned_runs if one.pair.role == "calibration" and one.digest]
    by_null: dict[tuple[str, ...], list[PlannedRun]] = {}
    for one in nulls:
        by_null.setdefault(_pair_and_seed(one), []).append(one)
    for null, arm in product(nulls, get_args(MainArm)):
        members = by_null[_pair_and_seed(null)]
        for index, investigator in enumerate(investigators):
            if arm == "combined" and any(one.calibration_row for one in members):
                claim = _merged_claim(members, index, investigator, attempts)
            else:
                claim = _claim(null, AttemptId(null.run_id, arm, index, 0), investigator, attempts)
            if claim is not None:
                claims = found.setdefault((_null_group(null, arm), index), {})
                claims[_null_name(null, arm)] = claim
    return {key: tuple(claims[name] for name in sorted(claims)) for key, claims in found.items()}


def _null_group(planned: PlannedRun, arm: Arm) -> NullGroup:
    base, method, seed = planned.conditions
    return (base, str(seed), arm if arm in SHARED_GRADES else method)


def _null_name(null: PlannedRun, arm: Arm) -> str:
    """Identifies a null within its group, where it counts once.

    A null may be of two null types, and a shared arm occurs at the null's run of each method.
    """
    selected = null.pair.selected
    return f"{selected.organism.name} {selected.variant}" if arm in SHARED_GRADES else null.digest


def _pair_and_seed(null: PlannedRun) -> tuple[str, ...]:
    selected = null.pair.selected
    names = (selected.organism.name, selected.base.name, selected.variant)
    return (*names, null.pair.null_type, str(null.seed))


def _merged_claim(
    members: Sequence[PlannedRun],
    index: int,
    investigator: ConfiguredPlugin,
    attempts: AttemptsById,
) -> str | None:
    """The claim about all methods' findings on a null; none where it cannot be known.

    Args:
        members: the null's run of each method, some of them from tables.
        index: of the investigator.
        investigator: the one that claims.
        attempts: the attempts of the evaluation.
    """
    claims = [
        _claim(one, AttemptId(one.run_id, "method", index, 0), investigator, attempts)
        for one in members
    ]
    known = [claim for claim in claims if claim is not None]
    if len(known) < len(claims):
        return None
    if len(known) == 1:
        return known[0]  # a case of one method is the same in both arms
    merged: str | None = investigator.spec.load().merge_claims(known, investigator.config)
    return merged


def _claim(
    null: PlannedRun,
    attempt_id: AttemptId,
    investigator: ConfiguredPlugin,
    attempts: AttemptsById,
) -> str | None:
    if row := null.calibration_row:
        return row.claims[plugin_key(investigator)] if attempt_id.arm == "method" else None
    attempt = attempts.get(attempt_id)
    return (attempt.verdict.claim or "") if attempt and attempt.verdict else None
