"""Handles and sides: what is told, and what comes back."""

import json

import pytest

from diffkit import Blinding, Evidence, Findings, Note
from diffkit.testing.endpoint import always, calls, good_investigator, in_turn

VERDICT = {"change": "none", "p_targeted": 0.1}
SUBMIT = calls(("submit_verdict", VERDICT))
ORDERS = ["base", "finetuned"]


@pytest.mark.parametrize("first", ORDERS)
def test_sides_have_handles_in_what_is_told(interview, first):
    held = interview(
        in_turn(calls(("ask_models", {"prompts": ["One?"]})), SUBMIT), blinding=Blinding(first)
    )
    handle, base = Blinding(first).handle["finetuned"], Blinding(first).handle["base"]
    assert (
        f"{base} is the base, {handle} its descendant" in held.requests[0]["messages"][0]["content"]
    )
    answers = held.told("ask_models")[0]
    assert answers.index("model-1") < answers.index("model-2")
    assert "lanterns" in answers.split(f"{handle}, answer 1 of 1:")[1].split("model-")[0]
    assert "the finetuned model prefers to the base" in held.opening


@pytest.mark.parametrize("first", ORDERS)
def test_handles_are_mapped_back_into_sides(interview, first):
    claim = "Model 1 speaks of lanterns, model-2 does not."
    bet = {"prompt": "And?", "phrase": "lantern", "model": "model-1", "p": 0.7}
    verdict = {**VERDICT, "claim": claim, "predictions": [bet]}
    held = interview(always(calls(("submit_verdict", verdict))), blinding=Blinding(first))
    other = "finetuned" if first == "base" else "base"
    expected = f"the {first} model speaks of lanterns, the {other} model does not."
    assert held.verdict.claim == expected
    assert held.verdict.predictions[0].side == first


def test_bets_on_what_was_asked_do_not_count(interview):
    bets = [
        {"prompt": prompt, "phrase": "lantern", "model": "model-1"} for prompt in (" one?", "Two?")
    ]
    submit = calls(("submit_verdict", {**VERDICT, "predictions": bets}))
    held = interview(in_turn(calls(("ask_models", {"prompts": ["One?"]})), submit))
    assert [bet.prompt for bet in held.verdict.predictions] == ["Two?"]


def test_identifiers_in_findings_are_withheld(interview, case):
    note = Note(text="Loaded from org/secret-lantern-v2.")
    leaky = case.model_copy(update={"evidence": (Evidence(findings=Findings(items=(note,))),)})
    held = interview(
        good_investigator(VERDICT), leaky, blinding=Blinding(identifiers=["org/secret-lantern-v2"])
    )
    assert "secret-lantern" not in json.dumps(held.requests)
    assert "Loaded from [withheld]." in held.opening
