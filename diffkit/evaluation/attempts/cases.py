"""Builds cases: arms differ only in the data of the case."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from diffkit.case import CandidateTruth, Case, Evidence
from diffkit.evaluation.attempts.arms import ArmInput, base_only
from diffkit.evaluation.calibration.nulls import Nulls
from diffkit.evaluation.planned_runs import PlannedRun, RunConditions
from diffkit.findings import Findings
from diffkit.grader import TruthStatement
from diffkit.investigator import Investigator
from diffkit.runs.digest import digest
from diffkit.runs.models import PairSpec


@dataclass(frozen=True)
class CaseBuilder:
    """Makes cases."""

    nulls: Mapping[RunConditions, Nulls]
    statements: Mapping[str, tuple[TruthStatement, ...]]
    """Distinct truths by base."""

    def __call__(self, sitting: ArmInput, reader: Investigator[Any]) -> Case | None:
        """The case of a sitting for an investigator; none without any run.

        Empty findings are no evidence: whoever reads them is given what the arm without gives.
        """
        needs = reader.needs
        evidence = self._evidence(sitting, alike=reader.stochastic)
        if evidence is None:
            return None
        found = tuple(one for one in evidence if one.findings != Findings())
        questions = "models" in needs and sitting.asks
        return Case(
            handle=_handle(sitting.cell.subject, found, questions=questions),
            evidence=found,
            questions=questions,
            candidates=self._candidates(sitting) if "candidates" in needs else (),
        )

    def _evidence(self, sitting: ArmInput, *, alike: bool) -> tuple[Evidence, ...] | None:
        if sitting.findings is not None:
            return (Evidence(findings=sitting.findings),)
        found = [self._of(source, alike=alike) for source in sitting.sources]
        known = tuple(one for one in found if one is not None)
        if sitting.sources and not known:
            return None
        if sitting.arm == "base-only":
            return tuple(
                Evidence(method=one.method, findings=base_only(one.findings)) for one in known
            )
        return known

    def _of(self, cell: PlannedRun, *, alike: bool) -> Evidence | None:
        """What a method found; none where its run failed.

        Args:
            cell: whose run it is.
            alike: whether it is held against as many nulls as a null itself is, so that it cannot
                be told from one by their number.
        """
        if cell.run is None:
            return None
        nulls = self.nulls.get(cell.conditions, Nulls()).others(cell.digest, alike=alike)
        return Evidence(method=cell.method.spec.name, findings=cell.run.findings, nulls=nulls)

    def _candidates(self, sitting: ArmInput) -> tuple[CandidateTruth, ...]:
        truths = self.statements.get(sitting.cell.pair.selected.base.name, ())
        return tuple(CandidateTruth(handle=one.handle, text=one.text) for one in truths)


def _handle(subject: PairSpec, evidence: Sequence[Evidence], *, questions: bool) -> str:
    """Drawn from all that may be looked at, so that what is the same is asked once."""
    if questions:
        return f"pair-{pair_digest(subject)[:8]}"
    content = "".join(one.model_dump_json() for one in evidence)
    return f"pair-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


@lru_cache(maxsize=4096)
def pair_digest(subject: PairSpec) -> str:
    """Digest of what both sides are, by content.

    Raises:
        BadModel, BadFile: a model cannot be used.
    """
    return digest(subject.identity().content)
