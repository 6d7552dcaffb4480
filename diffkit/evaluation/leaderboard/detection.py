"""Detection columns: true-positive and false-positive rates of a row."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

from diffkit.evaluation.leaderboard.cases import GradedCase, Unit, group_units
from diffkit.evaluation.leaderboard.schema import Stratum
from diffkit.evaluation.leaderboard.scores import share_of_units
from diffkit.statistics.shares import Share
from diffkit.verdict import Detection, NullTest

_Predicate = Callable[[GradedCase], bool]


def detection_columns(cases: Sequence[GradedCase], stratum: Stratum) -> dict[str, object]:
    """The detection columns of a main arm's row.

    A unit is detected at the level of the test; only where no attempt was tested does what the
    investigator says decide. The test's level is what calibration nulls promise, the share of other
    nulls that pass it is what came of that.
    """
    nulls = [case for case in cases if case.null]
    organisms = group_units(case for case in cases if not case.null)
    tests = [case.detection for case in cases if case.detection]
    detected = is_detected if tests else _says_targeted
    names = dict.fromkeys(case.entry.organism for case in nulls)
    whole = stratum == "all"
    return {
        "alpha": tests[0].alpha if tests else None,
        "detected": _share_where(organisms, detected),
        "detected_by": {
            rung: _detected_against(organisms, rung) for rung in _testable_nulls(tests)
        },
        "false_alarms": _share_where(group_units(nulls), detected) if whole else None,
        "false_alarms_by": {
            name: _share_where(_units_of_organism(name, nulls), detected) for name in names
        },
        "says_targeted": _share_where(organisms, _says_targeted),
        "says_targeted_of_nulls": _share_where(group_units(nulls), _says_targeted)
        if whole
        else None,
        "calibration": _calibration_text(tests),
    }


def _says_targeted(case: GradedCase) -> bool:
    return case.called


def is_detected(case: GradedCase) -> bool:
    """Whether the test of a case detects something targeted, at a level that it can reach."""
    test = case.detection
    return test is not None and test.p is not None and test.testable and test.p <= test.alpha


def _units_of_organism(name: str, cases: Iterable[GradedCase]) -> tuple[Unit, ...]:
    return group_units(case for case in cases if case.entry.organism == name)


def _share_where(members: Sequence[Unit], holds: _Predicate) -> Share:
    return share_of_units([fmean(map(holds, unit.cases)) for unit in members])


def _testable_nulls(tests: Iterable[Detection]) -> list[str]:
    """Rungs that a score could have passed."""
    return sorted(
        {
            rung
            for test in tests
            for rung, each in test.rungs.items()
            if each.p is not None and 1 / (each.n + 1) <= test.alpha
        }
    )


def _detected_against(organisms: Sequence[Unit], rung: str) -> Share:
    def holds(case: GradedCase) -> bool:
        test = case.detection
        p = test.rungs.get(rung, NullTest(n=0)).p if test else None
        return test is not None and p is not None and p <= test.alpha

    return _share_where(organisms, holds)


def _calibration_text(tests: Sequence[Detection]) -> str:
    if not tests:
        return "not tested"
    most = max(tests, key=lambda test: len(test.rungs))
    rungs = ", ".join(f"{name} {rung.n}" for name, rung in sorted(most.rungs.items()))
    untestable = sum(not test.testable for test in tests)
    if not untestable:
        return rungs
    some = "" if untestable == len(tests) else f" for {untestable} of {len(tests)}"
    return f"untestable at {tests[0].alpha:g}{some} ({rungs or 'no nulls'})"
