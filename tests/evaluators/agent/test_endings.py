"""How an interview ends otherwise than well, and goes on after it was cut off."""

import pytest

from diffkit import Outcome
from diffkit.testing.endpoint import (
    always,
    calls,
    empty,
    fails,
    good_investigator,
    in_turn,
    refuses,
    says,
)

VERDICT = {"change": "targeted", "p_targeted": 0.9}
SUBMIT = calls(("submit_verdict", VERDICT))


def ask(*prompts):
    return calls(("ask_models", {"prompts": list(prompts)}))


def test_a_turn_without_tools_is_nudged(interview):
    held = interview(in_turn(says("I think that it is lanterns."), SUBMIT))
    assert held.verdict.change == "targeted"
    assert "You called no tool" in held.requests[1]["messages"][-1]["content"]


def test_empty_answers_are_asked_for_again(interview):
    held = interview(in_turn(empty(), empty(), SUBMIT))
    assert held.verdict.change == "targeted"


@pytest.mark.parametrize("answer", [empty(), says("none")])
def test_one_who_never_calls_a_tool_is_given_up(interview, answer):
    held = interview(always(answer))
    assert held.outcome is Outcome.MALFORMED
    assert len(held.requests) < 10
    assert "no tool was called in 3 turns" in held.of("remark")[0].text


def test_three_verdicts_that_cannot_be_read_are_enough(interview):
    held = interview(always(calls(("submit_verdict", {"change": "perhaps"}))))
    assert held.outcome is Outcome.MALFORMED
    assert len(held.requests) == 3
    assert "change: " in str(held.ended)
    assert "p_targeted: " in str(held.ended)


def test_a_refusal_ends_it(interview):
    held = interview(in_turn(ask("One?"), refuses("I must not.")))
    assert held.outcome is Outcome.REFUSED
    assert "I must not." in str(held.ended)


def test_an_endpoint_that_fails_ends_it(interview):
    assert interview(always(fails(500))).outcome is Outcome.MODEL_ERROR


def test_an_attempt_that_was_cut_off_goes_on_from_memory(interview, memory):
    script = good_investigator(VERDICT)
    cut = interview(lambda body, n: fails(500) if n > 3 else script(body, n), cache=memory)
    assert cut.outcome is Outcome.MODEL_ERROR
    again = interview(script, cache=memory)
    assert again.verdict.change == "targeted"
    whole = interview(script)
    assert again.requests == whole.requests[3:]
