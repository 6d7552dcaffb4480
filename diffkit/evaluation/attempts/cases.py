"""Builds cases: arms differ only in the data of the case.

Takes the input of an arm and an investigator. Gives the case, which holds no names of models.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from diffkit.case import CandidateTruth, Case, Evidence, JointNullScores
from diffkit.evaluation.attempts.arms import ArmInput, base_only
from diffkit.evaluation.calibration.nulls import CalibrationScores, joint_null_scores
from diffkit.evaluation.planned_runs import PlannedRun, RunConditions
from diffkit.findings import Findings
from diffkit.grader import TruthStatement
from diffkit.investigator import Investigator
from diffkit.runs.digest import digest
from diffkit.runs.spec import PairSpec


@dataclass(frozen=True)
class CaseBuilder:
    """Builds the case of an investigator in an arm."""

    null_scores: Mapping[RunConditions, CalibrationScores]
    statements: Mapping[str, tuple[TruthStatement, ...]]
    """Distinct truths by base."""

    def build(self, arm_input: ArmInput, investigator: Investigator[Any]) -> Case | None:
        """The case of ``investigator``; none where all runs failed.

        Empty findings are left out, so that the case equals the one without evidence.
        """
        needs = investigator.needs
        evidence = self._evidence(arm_input, equal_counts=investigator.stochastic)
        if evidence is None:
            return None
        found = tuple(one for one in evidence if one.findings != Findings())
        questions = "models" in needs and arm_input.queries_models
        return Case(
            handle=_handle(arm_input.planned.models, found, questions=questions),
            evidence=found,
            questions=questions,
            candidates=self._candidates(arm_input) if "candidates" in needs else (),
            joint_nulls=() if investigator.stochastic else self._joint_nulls(arm_input),
        )

    def _evidence(self, arm_input: ArmInput, *, equal_counts: bool) -> tuple[Evidence, ...] | None:
        if arm_input.findings is not None:
            return (Evidence(findings=arm_input.findings),)
        found = [self._evidence_of(one, equal_counts=equal_counts) for one in arm_input.sources]
        known = tuple(one for one in found if one is not None)
        if arm_input.sources and not known:
            return None
        if arm_input.arm == "base-only":
            return tuple(
                Evidence(method=one.method, findings=base_only(one.findings)) for one in known
            )
        return known

    def _evidence_of(self, planned: PlannedRun, *, equal_counts: bool) -> Evidence | None:
        """The findings of a run and the scores of nulls; none where the run failed.

        Args:
            planned: the run.
            equal_counts: whether the run is compared with as many nulls as a null itself is, so
                that their number does not reveal whether it is a null.
        """
        if planned.run is None:
            return None
        scores = self.null_scores.get(planned.conditions, CalibrationScores())
        nulls = scores.others(planned.digest, equal_counts=equal_counts)
        return Evidence(method=planned.method.spec.name, findings=planned.run.findings, nulls=nulls)

    def _joint_nulls(self, arm_input: ArmInput) -> tuple[JointNullScores, ...]:
        """The scores of nulls by all methods of a combined case that found anything."""
        sources = [one for one in arm_input.sources if one.run and one.run.findings != Findings()]
        if arm_input.arm != "combined" or len(sources) < 2:
            return ()
        scores = [self.null_scores.get(one.conditions, CalibrationScores()) for one in sources]
        return joint_null_scores(scores, [one.digest for one in sources])

    def _candidates(self, arm_input: ArmInput) -> tuple[CandidateTruth, ...]:
        truths = self.statements.get(arm_input.planned.pair.selected.base.name, ())
        return tuple(CandidateTruth(handle=one.handle, text=one.text) for one in truths)


def _handle(models: PairSpec, evidence: Sequence[Evidence], *, questions: bool) -> str:
    """A handle drawn from the content of the case, so that equal cases are one attempt."""
    if questions:
        return f"pair-{pair_digest(models)[:8]}"
    content = "".join(one.model_dump_json() for one in evidence)
    return f"pair-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


@lru_cache(maxsize=4096)
def pair_digest(models: PairSpec) -> str:
    """Digest of the content of both models.

    Raises:
        BadModel, BadFile: a model cannot be loaded.
    """
    return digest(models.identity().content)
