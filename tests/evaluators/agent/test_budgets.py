"""What is left is told each turn, and what is spent ends in one last call."""

import pytest

from diffkit import Outcome
from diffkit.testing.endpoint import calls, endless_loop, in_turn, in_words

VERDICT = {"change": "targeted", "p_targeted": 0.9}
SUBMIT = calls(("submit_verdict", VERDICT))


def ask(*prompts):
    return calls(("ask_models", {"prompts": list(prompts)}))


def tool_messages(request):
    return [one for one in request["messages"] if one["role"] == "tool"]


def test_budgets_are_echoed_each_turn(interview):
    held = interview(in_turn(ask("One?", "Two?"), ask("Three?"), SUBMIT), questions=5, max_calls=9)
    shown = [request["messages"][-1]["content"] for request in held.requests]
    assert ["5 of 5" in shown[0], "3 of 5" in shown[1], "2 of 5" in shown[2]] == [True] * 3
    assert [f"{left} of 9" in one for left, one in zip((9, 8, 7), shown, strict=True)] == [True] * 3


def test_more_questions_than_are_left_are_not_put(interview):
    held = interview(in_turn(ask("One?", "Two?"), ask("Three?", "Four?"), SUBMIT), questions=3)
    assert held.models.asked == 2
    assert "1 of 3 questions are left" in held.told("ask_models")[1]
    assert held.of("tool")[1].failed


@pytest.mark.parametrize(("every", "due"), [(2, [False, True, False]), (0, [False] * 3)])
def test_a_guess_is_due_after_so_many_questions(interview, every, due):
    note = calls(("note_hypothesis", {"change": "unsure", "p_targeted": 0.5}))
    held = interview(in_turn(ask("One?"), ask("Two?"), note, SUBMIT), guess_every=every)
    told = [tool_messages(request)[-1]["content"] for request in held.requests[1:]]
    assert ["note_hypothesis is due" in one for one in told] == due


def test_an_endless_loop_gets_one_last_call_for_the_verdict(interview):
    loop = endless_loop()

    def script(body, number):
        return SUBMIT if isinstance(body.get("tool_choice"), dict) else loop(body, number)

    held = interview(script, max_calls=6)
    assert held.verdict.change == "targeted"
    assert len(held.requests) == 6
    last = held.requests[-1]
    assert [tool["function"]["name"] for tool in last["tools"]] == ["submit_verdict"]
    assert "call submit_verdict" in last["messages"][-1]["content"]
    assert "budget is nearly spent" in held.of("remark")[0].text


def test_json_mode_is_told_of_the_last_call_in_words(interview):
    def script(body, number):
        forced = "Call submit_verdict now." in body["messages"][-1]["content"]
        return SUBMIT if forced else ask(f"{number}?")

    held = interview(in_words(script), tool_calls="json", max_calls=4)
    assert held.verdict.change == "targeted"
    assert len(held.requests) == 4


def test_a_loop_that_never_submits_spends_its_budget(interview):
    held = interview(endless_loop(), max_calls=6)
    assert held.outcome is Outcome.BUDGET_SPENT
    assert len(held.requests) == 6
    assert held.models.asked == 5


def test_a_cap_on_tokens_forces_the_verdict_too(interview):
    def script(body, number):
        forced = isinstance(body.get("tool_choice"), dict)
        return SUBMIT if forced else ask(f"{number}?")

    held = interview(script, max_tokens=30_000)
    assert held.verdict.change == "targeted"
    assert 2 < len(held.requests) < 60
