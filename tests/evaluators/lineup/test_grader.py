"""The lineup's grader: ranks, ties, and chance against simulated guesses."""

import random
from itertools import permutations
from statistics import fmean

import pytest
from diffkit_evaluators.lineup.config import MatchConfig
from diffkit_evaluators.lineup.grader import LineupGrader

from diffkit import Attempt, Exam, Outcome, Statement, Verdict

TEXTS = {"a": "It sings of birds.", "b": "It sells red ships.", "c": "It counts old coins."}
REFERENCE = ("It is a day of rain.", "The sun is red.", "It sings.")


def exam(answer, truths="abc"):
    return Exam(
        truth="targeted" if answer else "unspecific",
        answer=answer,
        statements=tuple(Statement(handle=h, text=TEXTS[h]) for h in truths),
        reference=REFERENCE,
    )


def grade(paper, change="targeted", claim=None):
    verdict = Verdict(change=change, claim=claim)
    attempt = Attempt(digest="x", outcome=Outcome.VERDICT, verdict=verdict)
    return LineupGrader().grade(attempt, paper, MatchConfig())


@pytest.mark.parametrize(
    ("claim", "answer", "rank"),
    [
        ("birds", "a", 1),
        ("ships", "b", 1),
        ("birds", "b", 2.5),  # b and c share nothing with the claim
        ("birds ships", "b", 2),
        ("ships birds", "b", 1),
        ("nothing known", "a", 2),
        ("", "a", 2),
        ("it sings it", "a", 1),
    ],
)
def test_truths_are_ranked_by_likeness_with_ties_in_the_middle(claim, answer, rank):
    found = grade(exam(answer), claim=claim)
    assert found.parts["rank"] == rank
    assert found.score == (rank == 1)
    assert found.parts["reciprocal_rank"] == 1 / rank
    assert f"came {rank:g} of 4" in found.reasons


@pytest.mark.parametrize("change", ["none", "unspecific"])
def test_nothing_targeted_comes_first_where_the_verdict_says_so(change):
    assert grade(exam(None), change, "birds").parts["rank"] == 1
    assert grade(exam("a"), change, "birds").parts["rank"] == 2
    assert grade(exam("a"), change, "birds").score == 0


@pytest.mark.parametrize("change", ["targeted", "unsure"])
def test_and_last_where_it_does_not(change):
    assert grade(exam(None), change, "birds").parts["rank"] == 4
    assert grade(exam("a"), change, "birds").parts["rank"] == 1


@pytest.mark.parametrize("answer", ["a", None])
@pytest.mark.parametrize("truths", ["a", "abc"])
def test_whoever_says_nothing_leaves_all_tied_and_scores_nothing(answer, truths):
    silent = grade(exam(answer, truths), "unsure", None)
    failed = Attempt(digest="x", outcome=Outcome.FAILED)
    assert silent.score == 0
    assert silent.parts["rank"] == (len(truths) + 2) / 2
    assert LineupGrader().grade(failed, exam(answer, truths), MatchConfig()) == silent


def test_a_lineup_without_truths_gives_silence_nothing():
    empty = exam(None, "")
    assert (
        LineupGrader()
        .grade(Attempt(digest="x", outcome=Outcome.NO_EVIDENCE), empty, MatchConfig())
        .score
        == 0
    )
    assert grade(empty, "none").score == grade(empty, "none").chance == 1


def guessed(chance_of_nothing, *, targeted):
    """Mean score of a blind guesser whom the grader itself marks."""
    draw = random.Random(0)
    grades = []
    for _ in range(2_000):
        change = "none" if draw.random() < chance_of_nothing else "targeted"
        claim = draw.choice(["birds", "ships", "coins"])
        answer = draw.choice("abc") if targeted else None
        grades.append(grade(exam(answer), change, claim))
    return fmean(g.score for g in grades)


def test_chance_is_that_of_the_best_blind_guesser():
    assert grade(exam("a"), claim="birds").chance == pytest.approx(1 / 3)
    assert guessed(0, targeted=True) == pytest.approx(1 / 3, abs=0.03)
    assert guessed(1 / 4, targeted=True) < 0.3  # who sometimes says "nothing" does worse
    assert grade(exam(None), claim="birds").chance == pytest.approx(1 / 4)
    assert guessed(1 / 4, targeted=False) == pytest.approx(1 / 4, abs=0.03)


def test_chance_of_the_reciprocal_rank_is_its_mean_over_all_orders():
    orders = [order.index("a") + 1 for order in permutations("abc")]
    found = grade(exam("a"), claim="birds").parts["reciprocal_rank_chance"]
    assert found == pytest.approx(fmean(1 / rank for rank in orders))


def test_with_a_single_truth_chance_says_that_nobody_can_fail():
    assert grade(exam("a", "a"), claim="nonsense").score == 1
    assert grade(exam("a", "a"), claim="nonsense").chance == 1
