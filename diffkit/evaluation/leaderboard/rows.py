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

_UsageByRole = Mapping[str, Usage]
"""Role → what one attempt, or one grade, used."""


def usage_columns(cases: Sequence[GradedCase]) -> dict[str, object]:
    """The columns of a row that say what attempts came to, each attempt counted once."""
    attempts = {case.judged.attempt: case.attempt for case in cases}.values()
    grades = {case.judged.grade: case.grade for case in cases if case.grade}.values()
    return {
        "repeats": 1 + max(case.judged.repeat for case in cases),
        "questions": fmean(attempt.questions for attempt in attempts),
        "attempt_seconds": fmean(attempt.seconds for attempt in attempts),
        "usage": {
            **_mean_usage_by_role([attempt.usage for attempt in attempts]),
            **_mean_usage_by_role([grade.usage for grade in grades]),
        },
    }


def _mean_usage_by_role(used: Sequence[_UsageByRole]) -> dict[str, RoleUse]:
    """By role; whoever asked nothing counts with nothing."""
    roles = sorted({role for one in used for role in one})
    return {
        role: _mean_usage([one[role] for one in used if role in one], len(used)) for role in roles
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


_ARMS: tuple[Arm, ...] = get_args(Arm)

_Agents = tuple[str, str]


def build_rows(cases: Sequence[GradedCase]) -> tuple[Row, ...]:
    """Rows by investigator and grader, then stratum, then group and name; controls beneath."""
    readers: dict[_Agents, list[GradedCase]] = {}
    for case in cases:
        readers.setdefault((case.judged.investigator, case.judged.grader), []).append(case)
    return tuple(
        row
        for reader, own in readers.items()
        for stratum, members in _strata(own).items()
        for row in _rows(reader, stratum, members)
    )


def _strata(cases: Sequence[GradedCase]) -> dict[Stratum, list[GradedCase]]:
    """All cases; and those of non-lexical organisms where there are others beside them."""
    organisms = [case for case in cases if not case.null]
    rest = [case for case in organisms if not case.entry.lexical]
    strata: dict[Stratum, list[GradedCase]] = {"all": list(cases)}
    if 0 < len(rest) < len(organisms):
        strata["non-lexical"] = rest
    return strata


@dataclass(frozen=True)
class _Group:
    """What one row is made of."""

    method: str
    arm: Arm
    cases: tuple[GradedCase, ...]

    @cached_property
    def organisms(self) -> tuple[Unit, ...]:
        return _organism_units(self.cases)


def _rows(reader: _Agents, stratum: Stratum, cases: Sequence[GradedCase]) -> list[Row]:
    members: dict[tuple[str, Arm], list[GradedCase]] = {}
    for case in cases:
        members.setdefault((case.entry.method, case.judged.arm), []).append(case)
    made = [_Group(*key, tuple(own)) for key, own in members.items()]
    letters = tie_groups({group.method: group.organisms for group in made if group.arm == "method"})
    made.sort(key=lambda group: _sort_key(group, letters.get(group.method, "")))
    last = max_questions(cases)
    found = []
    for group in made:
        letter = letters[group.method] if group.arm == "method" else ""
        known = {"investigator": reader[0], "grader": reader[1], "stratum": stratum}
        more = {
            **_score_columns(group),
            **_attempt_columns(group, last),
            **_detection_columns(group, stratum),
        }
        compared = _comparison_columns(group, made)
        row = {"method": group.method, "arm": group.arm, "group": letter, **known, **more}
        found.append(Row.model_validate({**row, **compared}))
    return found


def _sort_key(group: _Group, letters: str) -> tuple[bool, int, str, str, int]:
    """Method rows by group, those without one last; then names; then the other arms of each."""
    return not letters, len(letters), letters, group.method, _ARMS.index(group.arm)


def _organism_units(cases: Iterable[GradedCase]) -> tuple[Unit, ...]:
    return group_units(case for case in cases if not case.null)


def _score_columns(group: _Group) -> dict[str, object]:
    """The parts of its grades."""
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
    """How its attempts went and ended."""
    verdicts = [case for case in group.cases if case.attempt.outcome is Outcome.VERDICT]
    return {
        "curve": budget_curve(group.organisms, last),
        "outcomes": _outcome_counts(group.cases),
        "attempts": len(group.cases),
        "verdicts": len(verdicts),
        "top1_of_verdicts": mean_part(_organism_units(verdicts), "top1"),
        **usage_columns(group.cases),
    }


def _detection_columns(group: _Group, stratum: Stratum) -> dict[str, object]:
    """What only main arms have, and what only methods have."""
    if group.arm not in get_args(MainArm):
        return {}
    seen = detection_columns(group.cases, stratum)
    return {**seen, **_run_columns(group.cases)} if group.arm == "method" else seen


def _run_columns(cases: Sequence[GradedCase]) -> dict[str, object]:
    """What a run of the method costs."""
    manifests = [case.run.manifest for case in cases if case.run]
    return {
        "seconds": fmean([manifest.seconds for manifest in manifests] or [0.0]),
        "peak_bytes": max((manifest.peak_bytes for manifest in manifests), default=0),
    }


def _comparison_columns(group: _Group, made: Sequence[_Group]) -> dict[str, object]:
    """What it has over other arms of its method, and over methods that come after it."""
    organisms = {(each.method, each.arm): each.organisms for each in made}
    found: dict[str, object] = {"above": differences_to_arms(organisms, group.method, group.arm)}
    if group.arm == "method":
        after = made[made.index(group) + 1 :]
        names = [each.method for each in after if each.arm == "method"]
        found["against"] = differences_to_methods(organisms, group.method, names)
    return found


def _outcome_counts(cases: Sequence[GradedCase]) -> str:
    outcomes = Counter(case.attempt.outcome.value for case in cases)
    outcomes["not graded"] += sum(case.grade is None for case in cases)
    return ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()) if count)
