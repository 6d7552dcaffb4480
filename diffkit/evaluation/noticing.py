"""Who notices that something targeted was done, and on what ground."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

from diffkit.evaluation.graded import Graded, Unit, units
from diffkit.evaluation.measures import counts
from diffkit.evaluation.row import Stratum
from diffkit.evaluation.shares import Share
from diffkit.verdict import Detection, RungTest

Holds = Callable[[Graded], bool]


def noticing(cases: Sequence[Graded], stratum: Stratum) -> dict[str, object]:
    """The detection columns of a main arm's row.

    A unit is detected at the level of the test; only where no attempt was tested does what the
    investigator says decide. The test's level is what calibration nulls promise, the share of other
    nulls that pass it is what came of that.
    """
    nulls = [case for case in cases if case.null]
    organisms = units(case for case in cases if not case.null)
    tests = [case.detection for case in cases if case.detection]
    detected = passes if tests else _called
    names = dict.fromkeys(case.entry.organism for case in nulls)
    whole = stratum == "all"
    return {
        "alpha": tests[0].alpha if tests else None,
        "detected": _share(organisms, detected),
        "detected_by": {rung: _passing(organisms, rung) for rung in _testable(tests)},
        "false_alarms": _share(units(nulls), detected) if whole else None,
        "false_alarms_by": {name: _share(_of(name, nulls), detected) for name in names},
        "says_targeted": _share(organisms, _called),
        "says_targeted_of_nulls": _share(units(nulls), _called) if whole else None,
        "calibration": _calibration(tests),
    }


def _called(case: Graded) -> bool:
    return case.called


def passes(case: Graded) -> bool:
    """Whether the test of a case detects something targeted, at a level that it can reach."""
    test = case.detection
    return test is not None and test.p is not None and test.testable and test.p <= test.alpha


def _of(name: str, cases: Iterable[Graded]) -> tuple[Unit, ...]:
    return units(case for case in cases if case.entry.organism == name)


def _share(members: Sequence[Unit], holds: Holds) -> Share:
    return counts([fmean(map(holds, unit.cases)) for unit in members])


def _testable(tests: Iterable[Detection]) -> list[str]:
    """Rungs that a score could have passed."""
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


def _calibration(tests: Sequence[Detection]) -> str:
    if not tests:
        return "not tested"
    most = max(tests, key=lambda test: len(test.rungs))
    rungs = ", ".join(f"{name} {rung.n}" for name, rung in sorted(most.rungs.items()))
    untestable = sum(not test.testable for test in tests)
    if not untestable:
        return rungs
    some = "" if untestable == len(tests) else f" for {untestable} of {len(tests)}"
    return f"untestable at {tests[0].alpha:g}{some} ({rungs or 'no nulls'})"
