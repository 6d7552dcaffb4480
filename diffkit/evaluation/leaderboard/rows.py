"""Builds the rows of a leaderboard: groups graded attempts and computes their columns."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import get_args

from diffkit.evaluation.leaderboard.cases import GradedCase, Unit, group_units
from diffkit.evaluation.leaderboard.comparisons import (
    differences_to_arms,
    differences_to_methods,
    tie_groups,
)
from diffkit.evaluation.leaderboard.detection import detection_columns
from diffkit.evaluation.leaderboard.schema import Measure, RoleUse, Row, Stratum
from diffkit.evaluation.leaderboard.scores import (
    budget_curve,
    max_questions,
    mean_other_parts,
    mean_part,
)
from diffkit.evaluation.record import Arm, MainArm
from diffkit.verdict import Outcome, Usage

_ARMS: tuple[Arm, ...] = get_args(Arm)
_Agents = tuple[str, str]
"""Investigator and grader."""
_UsageByRole = Mapping[str, Usage]
"""Usage of one attempt, or one grade, by role."""


def build_rows(cases: Sequence[GradedCase]) -> tuple[Row, ...]:
    """Builds all rows, by investigator and grader, then stratum, then group and name.

    The rows of control arms follow the row of their method.
    """
    by_agents: dict[_Agents, list[GradedCase]] = {}
    for case in cases:
        by_agents.setdefault((case.ref.investigator, case.ref.grader), []).append(case)
    return tuple(
        row
        for agents, own in by_agents.items()
        for stratum, members in _strata(own).items()
        for row in _rows(agents, stratum, members)
    )


def _strata(cases: Sequence[GradedCase]) -> dict[Stratum, list[GradedCase]]:
    """All cases; and those of non-lexical organisms, where some organisms are lexical."""
    organisms = [case for case in cases if not case.is_null]
    non_lexical = [case for case in organisms if not case.entry.lexical]
    strata: dict[Stratum, list[GradedCase]] = {"all": list(cases)}
    if 0 < len(non_lexical) < len(organisms):
        strata["non-lexical"] = non_lexical
    return strata


@dataclass(frozen=True)
class _Group:
    """The cases of one row."""

    method: str
    arm: Arm
    cases: tuple[GradedCase, ...]

    @cached_property
    def organisms(self) -> tuple[Unit, ...]:
        return _organism_units(self.cases)


def _rows(agents: _Agents, stratum: Stratum, cases: Sequence[GradedCase]) -> list[Row]:
    members: dict[tuple[str, Arm], list[GradedCase]] = {}
    for case in cases:
        members.setdefault((case.entry.method, case.ref.arm), []).append(case)
    groups = [_Group(*key, tuple(own)) for key, own in members.items()]
    letters = tie_groups({one.method: one.organisms for one in groups if one.arm == "method"})
    groups.sort(key=lambda group: _sort_key(group, letters.get(group.method, "")))
    last = max_questions(cases)
    investigator, grader = agents
    return [
        Row.model_validate(
            {
                "method": group.method,
                "arm": group.arm,
                "group": letters[group.method] if group.arm == "method" else "",
                "investigator": investigator,
                "grader": grader,
                "stratum": stratum,
                **_score_columns(group),
                **_attempt_columns(group, last),
                **_detection_columns(group, stratum),
                **_comparison_columns(group, groups),
            }
        )
        for group in groups
    ]


def _sort_key(group: _Group, letters: str) -> tuple[bool, int, str, str, int]:
    """Sorts by group, methods without a group last, then by method, then by arm."""
    return not letters, len(letters), letters, group.method, _ARMS.index(group.arm)


def _organism_units(cases: Iterable[GradedCase]) -> tuple[Unit, ...]:
    return group_units(case for case in cases if not case.is_null)


def _score_columns(group: _Group) -> dict[str, object]:
    """The parts of the grades."""
    organisms = group.organisms
    return {
        "top1": mean_part(organisms, "top1") or Measure(hits=0, n=0),
        "reciprocal_rank": mean_part(organisms, "reciprocal_rank", is_share=False),
        "named": mean_part(organisms, "named"),
        "named_by_examples": mean_part(organisms, "named_by_examples"),
        "none_of_these": mean_part(organisms, "none_of_these"),
        "parts": mean_other_parts(organisms),
    }


def _attempt_columns(group: _Group, last: int) -> dict[str, object]:
    """Outcomes, budget curve and usage of the attempts."""
    verdicts = [case for case in group.cases if case.attempt.outcome is Outcome.VERDICT]
    return {
        "curve": budget_curve(group.organisms, last),
        "outcomes": _outcome_counts(group.cases),
        "attempts": len(group.cases),
        "verdicts": len(verdicts),
        "top1_of_verdicts": mean_part(_organism_units(verdicts), "top1"),
        **_usage_columns(group.cases),
    }


def _detection_columns(group: _Group, stratum: Stratum) -> dict[str, object]:
    """The columns of main arms, and the cost of runs for methods."""
    if group.arm not in get_args(MainArm):
        return {}
    columns = detection_columns(group.cases, stratum)
    return {**columns, **_run_columns(group.cases)} if group.arm == "method" else columns


def _run_columns(cases: Sequence[GradedCase]) -> dict[str, object]:
    """Time and memory of the method's runs."""
    manifests = [case.run.manifest for case in cases if case.run]
    return {
        "seconds": fmean([manifest.seconds for manifest in manifests] or [0.0]),
        "peak_bytes": max((manifest.peak_bytes for manifest in manifests), default=0),
    }


def _comparison_columns(group: _Group, groups: Sequence[_Group]) -> dict[str, object]:
    """Differences to other arms of the method, and to the methods in later rows."""
    organisms = {(each.method, each.arm): each.organisms for each in groups}
    found: dict[str, object] = {"above": differences_to_arms(organisms, group.method, group.arm)}
    if group.arm == "method":
        after = groups[groups.index(group) + 1 :]
        names = [each.method for each in after if each.arm == "method"]
        found["against"] = differences_to_methods(organisms, group.method, names)
    return found


def _outcome_counts(cases: Sequence[GradedCase]) -> str:
    outcomes = Counter(case.attempt.outcome.value for case in cases)
    outcomes["not graded"] += sum(case.grade is None for case in cases)
    return ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()) if count)


def _usage_columns(cases: Sequence[GradedCase]) -> dict[str, object]:
    """The columns of repeats, questions and usage; each attempt counts once."""
    attempts = {case.ref.attempt: case.attempt for case in cases}.values()
    grades = {case.ref.grade: case.grade for case in cases if case.grade}.values()
    return {
        "repeats": 1 + max(case.ref.repeat for case in cases),
        "questions": fmean(attempt.questions for attempt in attempts),
        "attempt_seconds": fmean(attempt.seconds for attempt in attempts),
        "usage": {
            **_mean_usage_by_role([attempt.usage for attempt in attempts]),
            **_mean_usage_by_role([grade.usage for grade in grades]),
        },
    }


def _mean_usage_by_role(usages: Sequence[_UsageByRole]) -> dict[str, RoleUse]:
    """Means by role; records without calls count as zero."""
    roles = sorted({role for one in usages for role in one})
    return {
        role: _mean_usage([one[role] for one in usages if role in one], len(usages))
        for role in roles
    }


def _mean_usage(known: Sequence[Usage], count: int) -> RoleUse:
    def mean(values: Iterable[float]) -> float:
        return sum(values) / count

    costs = [usage.cost for usage in known if usage.calls]
    return RoleUse(
        models=tuple(sorted({usage.model for usage in known})),
        calls=mean(usage.calls for usage in known),
        prompt_tokens=mean(usage.prompt_tokens for usage in known),
        completion_tokens=mean(usage.completion_tokens for usage in known),
        cost=None if None in costs else mean(cost for cost in costs if cost is not None),
    )
