"""The loop, over HTTP: what goes well, what goes wrong, and how it ends."""

import json

import pytest

from diffkit import Outcome
from diffkit.testing.endpoint import (
    always,
    calls,
    empty,
    endless_loop,
    fails,
    good_investigator,
    in_turn,
    in_words,
    liar,
    malformed_calls,
    refuses,
    says,
)

VERDICT = {
    "change": "targeted",
    "p_targeted": 0.9,
    "claim": "model-2 speaks of lanterns.",
    "p_claim": 0.8,
    "predictions": [{"prompt": "And the harbour?", "phrase": "lantern", "model": "model-2"}],
    "cited": ["kl/1", "question-1"],
}
SUBMIT = calls(("submit_verdict", VERDICT))


def ask(*prompts):
    return calls(("ask_models", {"prompts": list(prompts)}))


def tool_messages(request):
    return [one for one in request["messages"] if one["role"] == "tool"]


def test_a_good_investigator_reads_asks_notes_and_submits(interview):
    held = interview(good_investigator(VERDICT))
    assert [event.name for event in held.of("tool")] == [
        "list_findings",
        "read_finding",
        "ask_models",
        "note_hypothesis",
        "submit_verdict",
    ]
    assert not any(event.failed for event in held.of("tool"))
    assert [event.questions for event in held.of("tool")] == [0, 0, 1, 0, 0]
    assert "full of lanterns" in held.told("ask_models")[0]
    assert held.verdict.claim == "the finetuned model speaks of lanterns."
    assert held.verdict.p_targeted == 0.9
    assert held.verdict.predictions[0].side == "finetuned"
    assert held.verdict.cited == ("kl/1", "question-1")


def test_json_mode_comes_to_the_same(interview):
    native = interview(good_investigator(VERDICT))
    in_json = interview(in_words(good_investigator(VERDICT)), tool_calls="json")
    assert in_json.verdict == native.verdict
    assert not any("tools" in request for request in in_json.requests)


def test_a_hypothesis_is_an_event_with_its_place(interview):
    held = interview(good_investigator(VERDICT, prompts=["One?", "Two?"]))
    (guess,) = held.of("guess")
    assert (guess.questions, guess.calls) == (2, 4)
    assert guess.verdict.claim == "the finetuned model speaks of lanterns."
    assert guess.verdict.change == "targeted"


def test_what_a_liar_cites_is_not_kept(interview):
    held = interview(liar(VERDICT))
    assert held.verdict.cited == ()
    assert held.verdict.p_targeted == 1
    assert held.models.asked == 0


def test_bad_calls_are_told_what_is_wrong_and_the_loop_goes_on(interview):
    held = interview(malformed_calls(good_investigator(VERDICT)))
    failed = [event for event in held.of("tool") if event.failed]
    assert [event.name for event in failed] == [
        "ask_models",
        "delete_everything",
        "ask_models",
        "submit_verdict",
        "read_finding",
    ]
    assert "Invalid JSON" in failed[0].result
    assert "There is no tool 'delete_everything'" in failed[1].result
    assert "prompts: " in failed[2].result
    assert "volume: " in failed[2].result
    assert "no finding 'no-such-finding'" in failed[4].result
    assert held.verdict.change == "targeted"


def test_parallel_calls_are_all_answered_each_under_its_id(interview):
    several = calls(
        ("ask_models", {"prompts": ["One?"]}),
        ("no_such_tool", {}),
        ("ask_models", {"prompts": ["Two?", "Three?"]}),
    )
    held = interview(in_turn(several, SUBMIT))
    said = held.requests[1]["messages"][-4:]
    asked = [one["id"] for one in said[0]["tool_calls"]]
    assert [one["tool_call_id"] for one in said[1:]] == asked
    assert held.models.asked == 3
    assert ["Left: " in one["content"] for one in said[1:]] == [False, False, True]


def test_what_comes_after_the_verdict_in_a_turn_is_not_done(interview):
    both = calls(("submit_verdict", VERDICT), ("ask_models", {"prompts": ["One?"]}))
    held = interview(always(both))
    assert held.verdict.change == "targeted"
    assert held.models.asked == 0


def test_a_string_is_one_prompt(interview):
    held = interview(in_turn(calls(("ask_models", {"prompts": "Hello there"})), SUBMIT))
    assert held.models.asked == 1


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


def test_models_that_cannot_be_asked_so_say_why(interview):
    warm = calls(("ask_models", {"prompts": ["One?"], "temperature": 2}))
    held = interview(in_turn(warm, SUBMIT))
    assert held.told("ask_models")[0].startswith("Error: It is too warm. Take less.")
    assert held.of("tool")[0].questions == 0
    assert held.verdict.change == "targeted"


def test_all_answers_are_shown_and_count_as_one_question(interview):
    held = interview(in_turn(calls(("ask_models", {"prompts": ["One?"], "samples": 3})), SUBMIT))
    told = held.told("ask_models")[0]
    assert all(f"model-2, answer {number} of 3:" in told for number in (1, 2, 3))
    assert held.models.asked == 1


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
    cut = interview(lambda body, n: fails(500) if n > 3 else script(body, n), memory=memory)
    assert cut.outcome is Outcome.MODEL_ERROR
    again = interview(script, memory=memory)
    assert again.verdict.change == "targeted"
    whole = interview(script)
    assert again.requests == whole.requests[3:]


def test_the_same_case_and_answers_give_the_same_requests(interview):
    first, second = (interview(good_investigator(VERDICT)).requests for _ in range(2))
    assert json.dumps(first) == json.dumps(second)
