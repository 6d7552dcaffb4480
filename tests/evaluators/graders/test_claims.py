"""Claims as judges read them."""

import pytest
from diffkit_evaluators.graders.claims import nonce, normalized_claim, score_by_change
from diffkit_evaluators.graders.judge import JudgeConfig, refuse_own_family
from diffkit_evaluators.graders.rubric.prompt import rubric_for, rubric_messages
from hypothesis import given
from hypothesis.strategies import integers, text
from pydantic import ValidationError

from diffkit import AnswerSheet, Attempt, MethodConfig, Outcome, UserError, Verdict


@pytest.mark.parametrize(
    ("claim", "read"),
    [
        ("It\r\nsings\u2028 of\tbirds ", "It sings of birds"),
        ("bi\u200brds\u202e\x00", "birds"),
        ("\uff33core", "Score"),
        (None, ""),
        ("x" * 50, "x" * 40),
    ],
)
def test_a_claim_is_one_line_of_what_can_be_seen(claim, read):
    assert normalized_claim(claim, 40) == read


def test_a_fence_is_the_same_for_the_same_claim_and_repeat_alone():
    assert nonce("a", "0") == nonce("a", "0")
    assert (
        len({nonce("a", "0"), nonce("a", "1"), nonce("b", "0"), nonce("a0"), nonce("", "a0")}) == 5
    )


def sheet(answer):
    return AnswerSheet(truth="targeted" if answer else "unspecific", answer=answer, statements=())


def attempt(change="targeted", claim=None):
    return Attempt(digest="x", outcome=Outcome.VERDICT, verdict=Verdict(change=change, claim=claim))


@pytest.mark.parametrize(
    ("change", "claim", "organism", "null"),
    [
        ("none", "x", 0, 1),
        ("unspecific", None, 0, 1),
        ("targeted", "x", None, 0),
        ("targeted", None, 0, 0),
        ("targeted", " \u200b\n", 0, 0),
        ("unsure", None, 0, 0),
        ("unsure", "x", None, 0),
    ],
)
def test_the_change_decides_where_the_claim_need_not_be_read(change, claim, organism, null):
    for answer, score in (("a", organism), (None, null)):
        found = score_by_change(attempt(change, claim), sheet(answer))
        assert (found and found.score) == score


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.VERDICT])
@pytest.mark.parametrize("answer", ["a", None])
def test_whoever_gives_no_verdict_is_not_right(outcome, answer):
    found = score_by_change(Attempt(digest="x", outcome=outcome), sheet(answer))
    assert found.score == 0
    assert outcome.value in found.reason


class Asking(MethodConfig):
    model: object = None


@pytest.mark.parametrize(
    ("own", "theirs", "allowed", "refused"),
    [
        ("openai/gpt-5", "openai/gpt-5-mini", False, True),
        ("openai/gpt-5", "openai/gpt-5-mini", True, False),
        ("openai/gpt-5", "anthropic/claude-x", False, False),
        (None, "openai/gpt-5", False, False),
        ("openai/gpt-5", None, False, False),
    ],
)
def test_a_judge_of_the_investigators_family_is_refused(own, theirs, allowed, refused):
    config = JudgeConfig(model=own, allow_same_family=allowed)
    investigator = JudgeConfig(model=theirs)
    if refused:
        with pytest.raises(UserError, match=r"'openai/gpt-5' is of the family .*allow_same_family"):
            refuse_own_family(config, investigator)
    else:
        refuse_own_family(config, investigator)
    refuse_own_family(config, Asking(model="gpt"))
    refuse_own_family(config, MethodConfig())


@pytest.mark.parametrize("repeats", [0, 2, 17])
def test_repeats_are_odd(repeats):
    with pytest.raises(ValidationError):
        JudgeConfig(repeats=repeats)


@given(text(max_size=200), integers(1, 80))
def test_whatever_a_claim_holds_it_stays_one_line_within_its_fence(claim, limit):
    read = normalized_claim(claim, limit)
    assert len(read) <= limit
    assert len(read.splitlines()) <= 1
    assert normalized_claim(read, limit) == read
    mark = nonce(read, "0")
    prompt = rubric_messages(rubric_for("unknown"), ["It sings."], read, mark)[1]["content"]
    assert [line for line in prompt.splitlines() if mark in line] == [
        f"BEGIN {mark}",
        f"END {mark}",
    ]
