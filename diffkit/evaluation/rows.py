"""The rows of a leaderboard."""

from collections import Counter
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import get_args

from diffkit.evaluation.graded import Graded, Unit, units
from diffkit.evaluation.leaderboard import Measure, Row, Share, Stratum
from diffkit.evaluation.measures import counts, measure
from diffkit.evaluation.record import Arm
from diffkit.evaluation.ties import groups
from diffkit.verdict import RungTest

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


def _rows(reader: _Reader, stratum: Stratum, cases: Sequence[Graded]) -> list[Row]:
    members: dict[tuple[str, Arm], list[Graded]] = {}
    for case in cases:
        members.setdefault((case.entry.method, case.judged.arm), []).append(case)
    letters = groups({m: _targeted(own) for (m, arm), own in members.items() if arm == "method"})
    made = [
        _row(key, reader, stratum, letters.get(key[0], ""), own) for key, own in members.items()
    ]
    made.sort(key=lambda row: _place(row, letters.get(row.method, "")))
    return made


def _place(row: Row, letters: str) -> tuple[bool, int, str, str, int]:
    """Method rows by group, those without one last; then names; then the controls of each."""
    return not letters, len(letters), letters, row.method, _ARMS.index(row.arm)


def _targeted(cases: Sequence[Graded]) -> tuple[Unit, ...]:
    return units(case for case in cases if not case.null)


def _row(
    key: tuple[str, Arm], reader: _Reader, stratum: Stratum, group: str, cases: Sequence[Graded]
) -> Row:
    method, arm = key
    organisms = _targeted(cases)
    row = Row(
        method=method,
        investigator=reader[0],
        grader=reader[1],
        arm=arm,
        stratum=stratum,
        group=group if arm == "method" else "",
        top1=measure(organisms, "top1") or Measure(hits=0, n=0),
        reciprocal_rank=measure(organisms, "reciprocal_rank", is_share=False),
        named=measure(organisms, "named"),
        named_by_examples=measure(organisms, "named_by_examples"),
        none_of_these=measure(organisms, "none_of_these"),
        outcomes=_outcomes(cases),
    )
    return row if arm != "method" else row.model_copy(update=_detection(row, organisms, cases))


def _detection(row: Row, organisms: Sequence[Unit], cases: Sequence[Graded]) -> dict[str, object]:
    """What only findings of a method have: who was detected, on what ground, at what cost."""
    nulls = [case for case in cases if case.null]
    names = dict.fromkeys(case.entry.organism for case in nulls)
    manifests = [case.run.manifest for case in cases if case.run]
    alarms = {
        name: _share(units(c for c in nulls if c.entry.organism == name), _called) for name in names
    }
    return {
        "detected": _share(organisms, _called),
        "detected_by": {rung: _passing(organisms, rung) for rung in _testable(cases)},
        "false_alarms": _share(units(nulls), _called) if row.stratum == "all" else None,
        "false_alarms_by": alarms,
        "calibration": _calibration(cases),
        "seconds": fmean([manifest.seconds for manifest in manifests] or [0.0]),
        "peak_bytes": max((manifest.peak_bytes for manifest in manifests), default=0),
    }


def _called(case: Graded) -> bool:
    return case.called


def _share(members: Sequence[Unit], holds: Callable[[Graded], bool]) -> Share:
    return counts([fmean(map(holds, unit.cases)) for unit in members])


def _testable(cases: Sequence[Graded]) -> list[str]:
    """Rungs that a score could have passed."""
    tests = [case.detection for case in cases if case.detection]
    return sorted(
        {
            rung
            for test in tests
            for rung, each in test.rungs.items()
            if each.p is not None and 1 / (each.n + 1) <= test.alpha
        }
    )


def _passing(organisms: Sequence[Unit], rung: str) -> Share:
    def holds(case: Graded) -> bool:
        test = case.detection
        p = test.rungs.get(rung, RungTest(n=0)).p if test else None
        return test is not None and p is not None and p <= test.alpha

    return _share(organisms, holds)


def _outcomes(cases: Sequence[Graded]) -> str:
    outcomes = Counter(case.attempt.outcome.value for case in cases)
    outcomes["not graded"] += sum(case.grade is None for case in cases)
    return ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()) if count)


def _calibration(cases: Sequence[Graded]) -> str:
    known = [case.detection for case in cases if case.detection]
    if not known:
        return "not tested"
    most = max(known, key=lambda test: len(test.rungs))
    rungs = ", ".join(f"{name} {rung.n}" for name, rung in sorted(most.rungs.items()))
    untestable = sum(not test.testable for test in known)
    if not untestable:
        return rungs
    some = "" if untestable == len(known) else f" for {untestable} of {len(known)}"
    return f"untestable at {known[0].alpha:g}{some} ({rungs or 'no nulls'})"
