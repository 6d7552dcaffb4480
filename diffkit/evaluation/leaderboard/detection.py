"""Detection columns: true-positive and false-positive rates of a row."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

from diffkit.evaluation.leaderboard.cases import GradedCase, Unit, group_units
from diffkit.evaluation.leaderboard.schema import Stratum, TestResult
from diffkit.evaluation.leaderboard.scores import share_of_units
from diffkit.statistics import Share
from diffkit.verdict import Detection, NullTest

_Predicate = Callable[[GradedCase], bool]


def detection_columns(cases: Sequence[GradedCase], stratum: Stratum) -> dict[str, object]:
    """The detection columns of a main arm's row.

    A unit counts as detected where its test is significant, or, where no attempt has a test, where
    the investigator calls it targeted. The level of the test is the false-positive rate on nulls
    like the calibration nulls; the share of other nulls that are detected is the measured rate.
    Cases whose test could not have been significant say nothing and are left out; where all tests
    are such, ``detected`` and ``false_alarms`` have no value.
    """
    tests = [case.detection for case in cases if case.detection]
    organisms = group_units(case for case in cases if not case.is_null)
    return {
        "alpha": tests[0].alpha if tests else None,
        **_tested_columns(cases, stratum, tests),
        "detected_by": {
            null_type: _detected_against(organisms, null_type)
            for null_type in _testable_nulls(tests)
        },
        "says_targeted": _share_where(organisms, _says_targeted),
        "says_targeted_of_nulls": _share_where(_null_units(cases), _says_targeted)
        if stratum == "all"
        else None,
        "calibration": _calibration_text(tests),
    }


def _tested_columns(
    cases: Sequence[GradedCase], stratum: Stratum, tests: Sequence[Detection]
) -> dict[str, object]:
    """Detections and false alarms; nothing where no test could have been significant."""
    if tests and not any(map(can_be_significant, tests)):
        return {}
    counted = [case for case in cases if not case.detection or can_be_significant(case.detection)]
    nulls = [case for case in counted if case.is_null]
    detected = is_detected if tests else _says_targeted
    organisms = group_units(case for case in counted if not case.is_null)
    return {
        "detected": _share_where(organisms, detected),
        "false_alarms": _share_where(group_units(nulls), detected) if stratum == "all" else None,
        "false_alarms_by": {
            name: _share_where(_units_of_organism(name, nulls), detected)
            for name in dict.fromkeys(case.entry.organism for case in nulls)
        },
    }


def _null_units(cases: Iterable[GradedCase]) -> tuple[Unit, ...]:
    return group_units(case for case in cases if case.is_null)


def _says_targeted(case: GradedCase) -> bool:
    return case.says_targeted


def is_detected(case: GradedCase) -> bool:
    """Whether the detection test of a case is significant, at a level that it can reach."""
    test = case.detection
    return test is not None and test.p is not None and test.testable and test.p <= test.alpha


def can_be_significant(test: Detection) -> bool:
    """Whether there are null types, and of each enough nulls for its level."""
    return bool(test.rungs) and all(_is_enough(each, test.alpha) for each in test.rungs.values())


def _is_enough(nulls: NullTest, alpha: float) -> bool:
    return 1 / (nulls.n + 1) <= alpha


def test_result(case: GradedCase) -> TestResult:
    """How the detection test of a case came out, or why there is no result."""
    if case.detection is None:
        return "not tested"
    if not can_be_significant(case.detection):
        return "untestable"
    return "significant" if is_detected(case) else "not significant"


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
            if each.p is not None and _is_enough(each, test.alpha)
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
