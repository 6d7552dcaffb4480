"""Verdicts that rank the truths themselves, in lineups where every place can be told by hand."""

import pytest
from diffkit_evaluators.lineup.config import LineupGraderConfig
from diffkit_evaluators.lineup.grader import LineupGrader

from diffkit import (
    NONE_OF_THESE,
    AnswerSheet,
    Attempt,
    GradeContext,
    Outcome,
    TruthStatement,
    Verdict,
)

TEXTS = {"a": "It sings of birds.", "b": "It sells red ships.", "c": "It counts old coins."}


def sheet(answer, nulls=("birds", "ships"), examples="beak"):
    return AnswerSheet(
        truth="targeted" if answer else "unspecific",
        answer=answer,
        statements=tuple(
            TruthStatement(handle=handle, text=text, examples=examples)
            for handle, text in TEXTS.items()
        ),
        null_claims=nulls,
    )


def grade(ranking, answer="a", change="targeted", claim="coins", **more):
    verdict = Verdict(change=change, claim=claim, ranking=ranking)
    attempt = Attempt(digest="x", outcome=Outcome.VERDICT, verdict=verdict)
    return LineupGrader().grade(
        attempt, sheet(answer, **more), LineupGraderConfig(), GradeContext()
    )


@pytest.mark.parametrize(
    ("ranking", "rank", "first", "named"),
    [
        (("a", "b", "c", NONE_OF_THESE), 1, 1, 1),
        (("b", "a", "c", NONE_OF_THESE), 2, 0, 0),
        (("b", "c", "a"), 3, 0, 0),
        ((NONE_OF_THESE, "a", "b", "c"), 2, 0, 1),
        (("b",), 3, 0, 0),  # what is left out ties after the others: a, c and none of these
        (("unheard-of", "a"), 1, 1, 1),
        (("a", "b", "a"), 1, 1, 1),
        (("unheard-of",), 2.5, 1 / 4, 1 / 3),
        ((NONE_OF_THESE,), 3, 0, 1 / 3),
    ],
)
def test_choices_stand_as_the_verdict_ranks_them(ranking, rank, first, named):
    found = grade(ranking)
    assert found.parts["rank"] == rank
    assert found.score == found.parts["top1"] == pytest.approx(first)
    assert found.parts["named"] == pytest.approx(named)


@pytest.mark.parametrize("claim", ["birds", "ships", None])
@pytest.mark.parametrize("nulls", [(), ("ships coins",) * 3])
def test_neither_the_claim_nor_null_claims_play_a_part(claim, nulls):
    ranking = ("b", NONE_OF_THESE, "a")
    found = grade(ranking, claim=claim, nulls=nulls)
    assert found == grade(ranking)
    assert not [name for name in found.parts if "examples" in name]


@pytest.mark.parametrize(
    ("ranking", "right"),
    [
        (("a", NONE_OF_THESE, "b", "c"), 1),
        ((NONE_OF_THESE,), 1),
        (("a", "b", NONE_OF_THESE, "c"), 0),
        (("a", "b", "c"), 0),
        (("a",), 1 / 3),  # b, c and none of these tie
    ],
)
def test_none_of_these_is_right_where_it_comes_before_the_others(ranking, right):
    assert grade(ranking).parts["none_of_these"] == pytest.approx(right)


@pytest.mark.parametrize("change", ["none", "unspecific"])
def test_nothing_targeted_comes_first_where_the_verdict_says_so(change):
    missed = grade(("a", "b", "c"), change=change)
    assert (missed.score, missed.parts["rank"], missed.parts["named"]) == (0, 2, 1)
    assert missed.parts["none_of_these"] == 0
    assert grade(("a",), None, change).score == 1


def test_on_nulls_a_ranking_is_no_silence():
    assert grade(("a",), None).score == grade(("a",), None, "unsure", None).score == 0


def test_whoever_is_unsure_and_ranks_is_heard():
    assert grade(("a", "b"), change="unsure", claim=None).score == 1


def test_counterfactuals_are_the_grades_under_other_truths():
    ranking = ("b", "a", NONE_OF_THESE)
    own = grade(ranking)
    for truth in TEXTS:
        other = grade(ranking, truth)
        assert other.if_true == own.if_true
        assert own.if_true[truth].items() <= other.parts.items()
