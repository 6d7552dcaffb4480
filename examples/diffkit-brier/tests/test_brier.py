"""brier: the contract of every grader, and scores by hand."""

import pytest
from diffkit_brier import SPEC, register_graders
from diffkit_brier.config import BrierConfig
from diffkit_brier.grader import BrierGrader

from diffkit import AnswerSheet, Attempt, GradeContext, Outcome, Verdict


def grade(verdict, *, targeted, **options):
    outcome = Outcome.VERDICT if verdict else Outcome.REFUSED
    attempt = Attempt(digest="0", outcome=outcome, verdict=verdict)
    truth, answer = ("targeted", "truth-1") if targeted else ("unspecific", None)
    sheet = AnswerSheet(truth=truth, answer=answer, statements=())
    return BrierGrader().grade(attempt, sheet, BrierConfig(**options), GradeContext())


def test_it_registers_its_one_grader():
    specs = []
    register_graders(specs.append)
    assert specs == [SPEC]


def test_it_conforms(grader_conforms):
    grades = grader_conforms(SPEC)
    assert grades["organism"]["right claim"].score == pytest.approx(0.99)
    assert grades["random change"]["right claim"].score == pytest.approx(0.19)


@pytest.mark.parametrize(
    ("probability", "targeted", "score"),
    [(1.0, True, 1.0), (1.0, False, 0.0), (0.5, True, 0.75), (0.2, False, 0.96)],
)
def test_scores_by_hand(probability, targeted, score):
    found = grade(Verdict(change="unsure", p_targeted=probability), targeted=targeted)
    assert found.score == pytest.approx(score)
    assert found.chance == 0.75


def test_a_change_without_a_probability_implies_one():
    assert grade(Verdict(change="targeted"), targeted=True).parts["probability"] == 0.9
    assert grade(Verdict(change="none"), targeted=True).parts["probability"] == pytest.approx(0.1)
    assert grade(Verdict(change="unsure"), targeted=True).score == 0.75
    assert grade(Verdict(change="targeted"), targeted=True, confident=1.0).score == 1


def test_an_attempt_without_a_verdict_scores_chance():
    assert grade(None, targeted=True).score == grade(None, targeted=False).score == 0.75


def test_the_honest_probability_scores_best():
    """Where a share of 0.7 of pairs is targeted, 0.7 is the best constant answer."""

    def mean(probability):
        verdict = Verdict(change="unsure", p_targeted=probability)
        scores = [grade(verdict, targeted=truth).score for truth in (True, False)]
        return 0.7 * scores[0] + 0.3 * scores[1]

    assert max((n / 10 for n in range(11)), key=mean) == 0.7
