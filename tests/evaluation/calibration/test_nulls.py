"""Investigators' probabilities are tested against those that they give to nulls."""

import pytest
from builders import planned_run

from diffkit.evaluation import AttemptId
from diffkit.evaluation.calibration import DetectionTest
from diffkit.verdict import Attempt, Detection, Outcome, Verdict

OWN = Detection(p=0.5, alpha=0.1)


def attempt(p=None, **fields):
    verdict = Verdict(change="targeted", p_targeted=p, **fields)
    return Attempt(digest="x", outcome=Outcome.VERDICT, verdict=verdict)


def calibration(nulls, made, **places):
    tested = planned_run("o", truth="T.")
    runs = [
        planned_run("n", f"v{k}", role="calibration", null_type=null_type)
        for k, (null_type, _) in enumerate(nulls)
    ]
    place = AttemptId(tested.run_id, "method", 0, 0)
    said = {place: made}
    for null, (_, p) in zip(runs, nulls, strict=True):
        said[place._replace(run_id=null.run_id)] = p if isinstance(p, Attempt) else attempt(p)
    found = DetectionTest(said, {tested.conditions: runs}, 0.05)
    return found.test(tested, place._replace(**places) if places else place)


def test_the_worst_kind_of_null_decides():
    nulls = [("random", k / 40) for k in range(19)] + [("benign", 0.9), ("benign", 0.1)]
    found = calibration(nulls, attempt(0.8))
    assert found.rungs["random"].p == pytest.approx(1 / 20)
    assert found.rungs["benign"].p == pytest.approx(2 / 3)
    assert found.p == pytest.approx(2 / 3)
    assert (found.alpha, found.testable) == (0.05, False)  # two benign nulls cannot tell


def test_a_tie_with_a_null_counts_for_the_null():
    assert calibration([("random", 0.8)] * 1, attempt(0.8)).p == 1


def test_nulls_without_a_verdict_do_not_count():
    silent = Attempt(digest="y", outcome=Outcome.REFUSED)
    found = calibration([("random", silent), ("random", 0.1)], attempt(0.8))
    assert found.rungs["random"].n == 1


def test_a_test_of_its_own_is_kept_and_without_probability_there_is_none():
    assert calibration([("random", 0.1)], attempt(0.8, detection=OWN)) == OWN
    assert calibration([("random", 0.1)], attempt(None)) is None
    assert calibration([], Attempt(digest="z", outcome=Outcome.FAILED)) is None


def test_without_nulls_nothing_can_be_tested():
    found = calibration([], attempt(0.8))
    assert (found.p, found.rungs) == (None, {})
