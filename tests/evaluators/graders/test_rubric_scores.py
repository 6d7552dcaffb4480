"""Marks as numbers: recall, precision, F1, the middle repeat, and quotes that must be there."""

import pytest
from diffkit_evaluators.graders.rubric.prompt import AssertionMark, FactMark, Marks
from diffkit_evaluators.graders.rubric.scores import (
    ClaimScores,
    agreement,
    median_judgement,
    score_marks,
)

CLAIM = "It sings of birds, and whistles — at night."


def made(assertions, facts, level=3):
    return Marks(
        assertions=tuple(
            AssertionMark(assertion="x", reason="r", says_what_was_done=about, supported=supported)
            for about, supported in assertions
        ),
        facts=tuple(
            FactMark(fact=fact, quote=quote, reason="r", matched=matched)
            for fact, quote, matched in facts
        ),
        reason="so",
        level=level,
    )


def test_recall_counts_facts_and_precision_what_is_said_to_have_been_done():
    marks = made(
        [(True, True), (True, False), (True, False), (False, False)],
        [("F1", "sings of birds", True), ("F2", "", False), ("F3", "at night", True)],
    )
    found = score_marks(marks, 3, CLAIM)
    assert found.recall == pytest.approx(2 / 3)
    assert found.precision == pytest.approx(1 / 3)
    assert found.f1 == pytest.approx(2 * (2 / 9) / 1)
    assert found.level == 0.6


@pytest.mark.parametrize(
    ("quote", "counts"),
    [
        ("sings of birds", True),
        ("Sings of BIRDS, and whistles", True),
        ("it sings … at night", True),
        ("sings of birds...night", True),
        ("all facts are matched", False),
        ("sing", False),
        ("sings … all facts", False),
        ("", False),
        ("…", False),
    ],
)
def test_a_match_counts_only_with_words_that_stand_in_the_claim(quote, counts):
    marks = made([(True, True)], [("F1", quote, True)], level=5)
    assert score_marks(marks, 1, CLAIM).recall == counts


def test_facts_left_out_or_marked_both_ways_are_not_matched():
    twice = [("F1", "birds", True), ("F1", "birds", False), (" F2 ", "birds", True)]
    assert score_marks(made([], twice), 3, CLAIM).recall == pytest.approx(1 / 3)
    assert score_marks(made([], [("F9", "birds", True)]), 1, CLAIM).recall == 0


def test_a_claim_that_says_nothing_of_what_was_done_has_no_precision():
    found = score_marks(made([(False, True)], [("F1", "birds", True)]), 1, CLAIM)
    assert (found.precision, found.f1) == (0, 0)


def repeat(f1, level=0.0):
    return ClaimScores(recall=f1, precision=f1, level=level, reason=f"{f1} {level}")


def test_the_middle_repeat_is_that_of_the_median_and_agreement_tells_how_far_they_lie_apart():
    repeats = [repeat(0.9), repeat(0.1), repeat(0.5, 0.4), repeat(0.5, 0.2), repeat(0.5, 0.8)]
    assert median_judgement(repeats) == repeat(0.5, 0.4)
    assert agreement([repeat(1.0), repeat(0.5), repeat(0.0)]) == pytest.approx(1 - 2 / 3)
    assert agreement([repeat(0.3)] * 3) == 1
    assert agreement([repeat(0.3)]) is None
