"""The rows of a leaderboard."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import get_args

from diffkit.evaluation.budget import budget_curve, most_questions
from diffkit.evaluation.contrasts import above, against
from diffkit.evaluation.graded import Graded, Unit, units
from diffkit.evaluation.measures import measure, other_parts
from diffkit.evaluation.noticing import noticing
from diffkit.evaluation.record import Arm, MainArm
from diffkit.evaluation.row import Row, Stratum
from diffkit.evaluation.shares import Measure
from diffkit.evaluation.spending import spending
from diffkit.evaluation.ties import groups
from diffkit.verdict import Outcome

_ARMS: tuple[Arm, ...] = get_args(Arm)
_Reader = tuple[str, str]


def rows(cases: Sequence[Graded]) -> tuple[Row, ...]:
    """Rows by investigator and grader, then stratum, then group and name; controls beneath."""
    readers: dict[_Reader, list[Graded]] = {}
    for case in cases:
        readers.setdefault((case.judged.investigator, case.judged.grader), []).append(case)
    return tuple(
        row
        for reader, own in readers.items()
        for stratum, members in _strata(own).items()
        for row in _rows(reader, stratum, members)
    )


def _strata(cases: Sequence[Graded]) -> dict[Stratum, list[Graded]]:
    """All cases; and those of non-lexical organisms where there are others beside them."""
    organisms = [case for case in cases if not case.null]
    rest = [case for case in organisms if not case.entry.lexical]
    strata: dict[Stratum, list[Graded]] = {"all": list(cases)}
    if 0 < len(rest) < len(organisms):
        strata["non-lexical"] = rest
    return strata


@dataclass(frozen=True)
class _Group:
    """What one row is made of."""

    method: str
    arm: Arm
    cases: tuple[Graded, ...]

    @cached_property
    def organisms(self) -> tuple[Unit, ...]:
        return _targeted(self.cases)


def _rows(reader: _Reader, stratum: Stratum, cases: Sequence[Graded]) -> list[Row]:
    members: dict[tuple[str, Arm], list[Graded]] = {}
    for case in cases:
        members.setdefault((case.entry.method, case.judged.arm), []).append(case)
    made = [_Group(*key, tuple(own)) for key, own in members.items()]
    letters = groups({group.method: group.organisms for group in made if group.arm == "method"})
    made.sort(key=lambda group: _place(group, letters.get(group.method, "")))
    last = most_questions(cases)
    found = []
    for group in made:
        letter = letters[group.method] if group.arm == "method" else ""
        known = {"investigator": reader[0], "grader": reader[1], "stratum": stratum}
        more = {**_seen(group), **_came_to(group, last), **_noticed(group, stratum)}
        compared = _compared(group, made)
        row = {"method": group.method, "arm": group.arm, "group": letter, **known, **more}
        found.append(Row.model_validate({**row, **compared}))
    return found


def _place(group: _Group, letters: str) -> tuple[bool, int, str, str, int]:
    """Method rows by group, those without one last; then names; then the other arms of each."""
    return not letters, len(letters), letters, group.method, _ARMS.index(group.arm)


def _targeted(cases: Iterable[Graded]) -> tuple[Unit, ...]:
    return units(case for case in cases if not case.null)


def _seen(group: _Group) -> dict[str, object]:
    """The parts of its grades."""
    organisms = group.organisms
    return {
        "top1": measure(organisms, "top1") or Measure(hits=0, n=0),
        "reciprocal_rank": measure(organisms, "reciprocal_rank", is_share=False),
        "named": measure(organisms, "named"),
        "named_by_examples": measure(organisms, "named_by_examples"),
        "none_of_these": measure(organisms, "none_of_these"),
        "parts": other_parts(organisms),
    }


def _came_to(group: _Group, last: int) -> dict[str, object]:
    """How its attempts went and ended."""
    verdicts = [case for case in group.cases if case.attempt.outcome is Outcome.VERDICT]
    return {
        "curve": budget_curve(group.organisms, last),
        "outcomes": _outcomes(group.cases),
        "attempts": len(group.cases),
        "verdicts": len(verdicts),
        "top1_of_verdicts": measure(_targeted(verdicts), "top1"),
        **spending(group.cases),
    }


def _noticed(group: _Group, stratum: Stratum) -> dict[str, object]:
    """What only main arms have, and what only methods have."""
    if group.arm not in get_args(MainArm):
        return {}
    seen = noticing(group.cases, stratum)
    return {**seen, **_run(group.cases)} if group.arm == "method" else seen


def _run(cases: Sequence[Graded]) -> dict[str, object]:
    """What a run of the method costs."""
    manifests = [case.run.manifest for case in cases if case.run]
    return {
        "seconds": fmean([manifest.seconds for manifest in manifests] or [0.0]),
        "peak_bytes": max((manifest.peak_bytes for manifest in manifests), default=0),
    }


def _compared(group: _Group, made: Sequence[_Group]) -> dict[str, object]:
    """What it has over other arms of its method, and over methods that come after it."""
    organisms = {(each.method, each.arm): each.organisms for each in made}
    found: dict[str, object] = {"above": above(organisms, group.method, group.arm)}
    if group.arm == "method":
        after = made[made.index(group) + 1 :]
        names = [each.method for each in after if each.arm == "method"]
        found["against"] = against(organisms, group.method, names)
    return found


def _outcomes(cases: Sequence[Graded]) -> str:
    outcomes = Counter(case.attempt.outcome.value for case in cases)
    outcomes["not graded"] += sum(case.grade is None for case in cases)
    return ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()) if count)
