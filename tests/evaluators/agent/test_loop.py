"""The loop, over HTTP: tools are called, and told what comes of it."""

import json

from diffkit.testing.endpoint import (
    always,
    calls,
    good_investigator,
    in_turn,
    in_words,
    liar,
    malformed_calls,
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


def test_the_same_case_and_answers_give_the_same_requests(interview):
    first, second = (interview(good_investigator(VERDICT)).requests for _ in range(2))
    assert json.dumps(first) == json.dumps(second)
