"""Detection columns: true-positive and false-positive rates of a row."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

from diffkit.evaluation.leaderboard.cases import GradedCase, Unit, group_units
from diffkit.evaluation.leaderboard.schema import Stratum
from diffkit.evaluation.leaderboard.scores import share_of_units
from diffkit.statistics import Share
from diffkit.verdict import Detection, NullTest

_Predicate = Callable[[GradedCase], bool]


def detection_columns(cases: Sequence[GradedCase], stratum: Stratum) -> dict[str, object]:
    """The detection columns of a main arm's row.

    A unit counts as detected where its test is significant, or, where no attempt has a test, where
    the investigator calls it targeted. The level of the test is the false-positive rate on nulls
    like the calibration nulls; the share of other nulls that are detected is the measured rate.
    """
    nulls = [case for case in cases if case.is_null]
    organisms = group_units(case for case in cases if not case.is_null)
    tests = [case.detection for case in cases if case.detection]
    detected = is_detected if tests else _says_targeted
    names = dict.fromkeys(case.entry.organism for case in nulls)
    with_nulls = stratum == "all"
    return {
        "alpha": tests[0].alpha if tests else None,
        "detected": _share_where(organisms, detected),
        "detected_by": {
            null_type: _detected_against(organisms, null_type)
            for null_type in _testable_nulls(tests)
        },
        "false_alarms": _share_where(group_units(nulls), detected) if with_nulls else None,
        "false_alarms_by": {
            name: _share_where(_units_of_organism(name, nulls), detected) for name in names
        },
        "says_targeted": _share_where(organisms, _says_targeted),
        "says_targeted_of_nulls": _share_where(group_units(nulls), _says_targeted)
        if with_nulls
        else None,
        "calibration": _calibration_text(tests),
    }


def _says_targeted(case: GradedCase) -> bool:
    return case.says_targeted


def is_detected(case: GradedCase) -> bool:
    """Whether the detection test of a case is significant, at a level that it can reach."""
    test = case.detection
    return test is not None and test.p is not None and test.testable and test.p <= test.alpha


def _units_of_organism(name: str, cases: Iterable[GradedCase]) -> tuple[Unit, ...]:
    return group_units(case for case in cases if case.entry.organism == name)


def _share_where(units: Sequence[Unit], holds: _Predicate) -> Share:
    return share_of_units([fmean(map(holds, unit.cases)) for unit in units])


def _testable_nulls(tests: Iterable[Detection]) -> list[str]:
    """Null types with enough nulls for a significant test."""
    return sorted(
        {
            null_type
            for test in tests
            for null_type, each in test.rungs.items()
            if each.p is not None and 1 / (each.n + 1) <= test.alpha
        }
    )


def _detected_against(organisms: Sequence[Unit], null_type: str) -> Share:
    def holds(case: GradedCase) -> bool:
        test = case.detection
        p = test.rungs.get(null_type, NullTest(n=0)).p if test else None
        return test is not None and p is not None and p <= test.alpha

    return _share_where(organisms, holds)


def _calibration_text(tests: Sequence[Detection]) -> str:
    if not tests:
        return "not tested"
    most = max(tests, key=lambda test: len(test.rungs))
    nulls = ", ".join(f"{name} {test.n}" for name, test in sorted(most.rungs.items()))
    untestable = sum(not test.testable for test in tests)
    if not untestable:
        return nulls
    some = "" if untestable == len(tests) else f" for {untestable} of {len(tests)}"
    return f"untestable at {tests[0].alpha:g}{some} ({nulls or 'no nulls'})"
