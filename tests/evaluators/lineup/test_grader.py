"""The lineup's grader on small lineups, where every place can be told by hand."""

import pytest
from diffkit_evaluators.lineup.config import LineupGraderConfig
from diffkit_evaluators.lineup.grader import LineupGrader

from diffkit import AnswerSheet, Attempt, GradeContext, Outcome, TruthStatement, Verdict

TEXTS = {
    "a": "It sings of birds.",
    "b": "It sells red ships.",
    "c": "It counts old coins.",
    **{f"d{number}": f"It word{number}." for number in range(9)},
    "e": "It sings of birds.",
}
ABC = ("a", "b", "c")
EMPTY = dict.fromkeys(TEXTS, "")
REFERENCE = ("It is a day of rain.", "The sun is red.", "It sings.")
FAILED = Attempt(digest="x", outcome=Outcome.FAILED)
COUNTERFACTUAL = ("top1", "reciprocal_rank", "named", "named_reciprocal_rank")


EXAMPLES = {"a": "wing wing beak", "b": "sail wave wave", "c": "mint metal"}


def sheet(answer, truths=ABC, nulls=(), examples=EMPTY):
    return AnswerSheet(
        truth="targeted" if answer else "unspecific",
        answer=answer,
        statements=tuple(
            TruthStatement(handle=h, text=TEXTS[h], examples=examples[h]) for h in truths
        ),
        reference=REFERENCE,
        null_claims=nulls,
    )


def graded(attempt, paper):
    return LineupGrader().grade(attempt, paper, LineupGraderConfig(), GradeContext())


def grade(paper, change="targeted", claim=None):
    verdict = Verdict(change=change, claim=claim)
    return graded(Attempt(digest="x", outcome=Outcome.VERDICT, verdict=verdict), paper)


@pytest.mark.parametrize(
    ("claim", "answer", "rank", "first"),
    [
        ("birds", "a", 1, 1),
        ("ships", "b", 1, 1),
        ("birds", "b", 2.5, 0),  # b and c share nothing with the claim
        ("birds ships", "b", 2, 0),
        ("Ships! It was the birds.", "b", 1, 1),
        ("nothing known", "a", 2, 1 / 3),
        ("", "a", 2, 1 / 3),
        ("it sings it", "a", 1, 1),
    ],
)
def test_truths_are_ranked_by_likeness_and_ties_are_shared(claim, answer, rank, first):
    found = grade(sheet(answer), claim=claim)
    assert found.parts["rank"] == rank
    assert found.score == found.parts["top1"] == found.parts["named"] == pytest.approx(first)
    assert found.parts["reciprocal_rank"] == pytest.approx(1 / rank)
    assert found.parts["named_reciprocal_rank"] == pytest.approx(1 / rank)
    assert found.parts["choices"] == 5
    assert f"came {rank:g} of 5" in found.reasons


def test_words_beyond_the_first_two_hundred_are_not_read():
    many = " ".join(f"filler{number}" for number in range(199))
    assert grade(sheet("a"), claim=f"{many} birds").score == 1
    assert grade(sheet("a"), claim=f"{many} filler199 birds").score == pytest.approx(1 / 3)


@pytest.mark.parametrize("change", ["none", "unspecific"])
def test_nothing_targeted_comes_first_where_the_verdict_says_so(change):
    null = grade(sheet(None), change, "birds")
    assert (null.score, null.parts["top1"], null.parts["reciprocal_rank"]) == (1, 1, 1)
    missed = grade(sheet("a"), change, "birds")
    assert (missed.score, missed.parts["rank"]) == (0, 2)
    assert missed.parts["named"] == 1  # among the texts alone, the claim still counts
    assert missed.parts["none_of_these"] == 0


@pytest.mark.parametrize("change", ["targeted", "unsure"])
def test_and_last_where_it_does_not(change):
    null = grade(sheet(None), change, "birds")
    assert (null.score, null.parts["rank"]) == (0, 5)
    assert grade(sheet("a"), change, "birds").score == 1


@pytest.mark.parametrize(("truths", "texts"), [(ABC, 3), (("a",), 1), (tuple(TEXTS), 8), ((), 0)])
def test_chances_of_a_null_are_those_of_a_guess_among_all_choices(truths, texts):
    null = grade(sheet(None, truths), "targeted", "birds")
    assert null.chance == null.parts["top1_chance"] == 1 / (texts + 2)
    assert null.parts["choices"] == texts + 2
    assert not null.if_true


def test_chances_of_a_truth_are_those_of_a_guess_among_texts():
    parts = grade(sheet("a"), claim="birds").parts
    mean = (1 + 1 / 2 + 1 / 3) / 3
    assert parts["top1_chance"] == parts["named_chance"] == pytest.approx(1 / 3)
    assert parts["reciprocal_rank_chance"] == pytest.approx(mean)
    assert parts["named_reciprocal_rank_chance"] == pytest.approx(mean)
    assert parts["none_of_these_chance"] == pytest.approx(1 / 3)  # two texts and itself
    many = grade(sheet("a", tuple(TEXTS)), claim="birds").parts
    assert many["named_chance"] == 1 / 8
    assert many["none_of_these_chance"] == pytest.approx(1 / 9)


@pytest.mark.parametrize("truths", [ABC, ("a",), tuple(TEXTS)])
def test_whoever_says_nothing_leaves_all_tied(truths):
    texts = min(8, len(truths))
    silent = grade(sheet("a", truths, ("birds", "ships", "")), "unsure", None)
    assert silent.parts["named"] == pytest.approx(1 / texts)
    assert silent.score == pytest.approx(1 / (texts + 2))
    assert silent.parts["rank"] == (texts + 3) / 2
    assert silent.score <= silent.chance
    assert silent.parts["none_of_these"] <= silent.parts["none_of_these_chance"]
    assert len({tuple(sorted(parts.items())) for parts in silent.if_true.values()}) == 1
    assert graded(FAILED, sheet("a", truths, ("birds", "ships", ""))) == silent
    null = graded(FAILED, sheet(None, truths))
    assert null.score == null.chance == 1 / (texts + 2)


def test_without_nulls_none_of_these_comes_after_every_text():
    found = grade(sheet("a"), claim="rain")
    assert (found.score, found.parts["none_of_these"]) == (pytest.approx(1 / 3), 0)
    assert grade(sheet("a", nulls=("ships",)), claim="rain").parts["none_of_these"] == 0


def test_none_of_these_beats_claims_that_are_like_the_nulls():
    nulls = tuple(f"birds ships coins filler{number}" for number in range(20))
    like = grade(sheet("a", nulls=nulls), claim="birds ships coins filler99")
    assert (like.parts["top1"], like.parts["none_of_these"]) == (0, 1)
    telling = grade(sheet("a", nulls=nulls), claim="sings birds")
    assert (telling.parts["top1"], telling.parts["none_of_these"]) == (1, 1)
    misled = grade(sheet("c", nulls=nulls), claim="sings birds")
    assert (misled.parts["top1"], misled.parts["none_of_these"]) == (0, 0)


def test_nulls_take_away_what_a_truth_attracts_of_itself():
    nulls = tuple(f"birds sings {other} filler{i}" for i, other in enumerate(["rain", "sun"] * 10))
    claim = "birds sings rain coins"
    assert grade(sheet("a"), claim=claim).parts["named"] == 1
    assert grade(sheet("c", nulls=nulls), claim=claim).parts["named"] == 1


@pytest.mark.parametrize("truths", [("a",), ("a", "b"), ABC, tuple(TEXTS)])
@pytest.mark.parametrize("nulls", [(), ("birds",), ("birds", "red ships", "")])
def test_counterfactuals_are_the_grades_under_other_truths(truths, nulls):
    own = grade(sheet("a", truths, nulls), claim="birds ships word3")
    assert set(own.if_true) == set(truths)
    for truth in truths:
        other = grade(sheet(truth, truths, nulls), claim="birds ships word3")
        assert other.if_true == own.if_true
        for part in COUNTERFACTUAL:
            assert other.parts[part] == own.if_true[truth][part]


def test_a_single_truth_cannot_be_missed_and_chance_says_so():
    found = grade(sheet("a", ("a",)), claim="nonsense")
    assert found.score == found.chance == found.parts["named"] == found.parts["named_chance"] == 1
    assert found.parts["none_of_these"] == found.parts["none_of_these_chance"] == 1


def test_identical_statements_share_first_place():
    found = grade(sheet("a", (*ABC, "e"), ("birds", "ships", "coins")), claim="birds")
    assert found.parts["named"] == 0.5
    assert found.if_true["a"] == found.if_true["e"]


def test_nothing_depends_on_the_order_of_statements():
    papers = [sheet("b", truths, ("birds", "ships")) for truths in (ABC, ABC[::-1])]
    assert grade(papers[0], claim="coins red") == grade(papers[1], claim="coins red")


def test_truths_are_named_by_examples_in_a_part_of_its_own():
    found = grade(sheet("a", examples=EXAMPLES), claim="ships wing")
    assert (found.parts["named"], found.parts["named_by_examples"]) == (0, 1)
    assert found.parts["named_by_examples_chance"] == found.parts["named_chance"]
    assert {h: parts["named_by_examples"] for h, parts in found.if_true.items()} == {
        "a": 1,
        "b": 0,
        "c": 0,
    }
    plain = grade(sheet("a"), claim="ships wing")
    assert {part: found.parts[part] for part in plain.parts} == plain.parts
    missed = grade(sheet("a", examples=EXAMPLES), "unspecific", "wing")
    assert (missed.score, missed.parts["named_by_examples"]) == (0, 1)


@pytest.mark.parametrize("examples", [EMPTY, EXAMPLES | {"b": ""}])
def test_where_a_truth_has_no_examples_the_part_is_left_out(examples):
    found = grade(sheet("a", examples=examples), claim="wing")
    assert not [name for name in found.parts if "examples" in name]
    assert "named_by_examples" not in found.if_true["a"]


def test_nulls_take_away_what_examples_attract_of_themselves():
    nulls = tuple(f"wing beak filler{i}" for i in range(20))
    claim = "wing beak mint"
    assert grade(sheet("c", examples=EXAMPLES), claim=claim).parts["named_by_examples"] == 0
    held = grade(sheet("c", nulls=nulls, examples=EXAMPLES), claim=claim)
    assert held.parts["named_by_examples"] == 1


def test_whoever_says_nothing_leaves_examples_tied():
    paper = sheet("a", examples=EXAMPLES)
    for found in (graded(FAILED, paper), grade(paper, claim="nothing known")):
        assert found.parts["named_by_examples"] == pytest.approx(1 / 3)
