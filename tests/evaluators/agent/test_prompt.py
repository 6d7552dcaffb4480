"""What the agent is told: by the case and the options alone, and blind."""

import json

import pytest
from diffkit_evaluators.agent.investigator import AgentLineup

from diffkit import Blind, CandidateTruth, Case, Evidence, Findings, Note
from diffkit.testing.endpoint import always, calls, good_investigator, in_turn

VERDICT = {"change": "none", "p_targeted": 0.1}
SUBMIT = calls(("submit_verdict", VERDICT))
ORDERS = ["base", "finetuned"]


def opening(held):
    system, user = held.requests[0]["messages"]
    return system["content"], user["content"]


def test_empty_findings_and_no_evidence_give_the_same_bytes(interview):
    none = Case(handle="pair-1", questions=True)
    empty = none.model_copy(update={"evidence": (Evidence(method="kl", findings=Findings()),)})
    first, second = (interview(good_investigator(VERDICT), case).requests for case in (none, empty))
    assert json.dumps(first) == json.dumps(second)
    names = [tool["function"]["name"] for tool in first[0]["tools"]]
    assert names == ["ask_models", "note_hypothesis", "submit_verdict"]


def test_without_questions_there_is_nobody_to_ask(interview, case):
    held = interview(always(SUBMIT), case.model_copy(update={"questions": False}))
    names = [tool["function"]["name"] for tool in held.requests[0]["tools"]]
    assert names == ["list_findings", "read_finding", "note_hypothesis", "submit_verdict"]
    assert "questions;" not in opening(held)[1]


def test_calibration_is_in_words(interview):
    _, user = opening(interview(always(SUBMIT)))
    assert "Change score: 0.31." in user
    assert "- random: 3 pairs, 0.01 to 0.05; 0 of 3 at or above this score." in user
    assert "- benign: 3 pairs, 0.1 to 0.9; 2 of 3 at or above this score." in user


def test_a_score_without_nulls_says_so(interview, case, findings):
    bare = case.model_copy(update={"evidence": (Evidence(findings=findings),)})
    _, user = opening(interview(always(SUBMIT), bare))
    assert "where nothing targeted was done is not known" in user
    assert "findings/1  token_table" in user


def test_evidence_of_several_methods_is_told_apart(interview, case, findings):
    one = Evidence(method="kl", findings=findings)
    other = Evidence(method="lens", findings=Findings(items=(Note(text="All is well."),)))
    several = case.model_copy(update={"evidence": (one, other, one)})
    _, user = opening(interview(always(SUBMIT), several))
    for name in ("kl/1", "kl/2", "lens/1", "kl-2/1"):
        assert f"{name}  " in user
    assert "It gives no change score." in user


def test_the_preview_has_the_first_rows_and_the_tool_the_rest(interview):
    read = calls(("read_finding", {"name": "kl/1", "first": 31, "rows": 5}))
    held = interview(in_turn(read, SUBMIT), preview_rows=3)
    _, user = opening(held)
    assert "word2\t" in user
    assert "word3\t" not in user
    (told,) = held.told("read_finding")
    assert [f"word{number}\t" in told for number in (29, 30, 34, 35)] == [False, True, True, False]
    assert "5 more tokens" in told


@pytest.mark.parametrize("first", ORDERS)
def test_sides_have_handles_in_what_is_told(interview, first):
    held = interview(in_turn(calls(("ask_models", {"prompts": ["One?"]})), SUBMIT), first=first)
    told = json.dumps(held.requests)
    for word in ("finetuned", "fine-tuned", "base model is", "base side"):
        assert word not in told
    handle = Blind(first).handle["finetuned"]
    answers = held.told("ask_models")[0]
    assert answers.index("model-1") < answers.index("model-2")
    assert "lanterns" in answers.split(f"{handle}, answer 1 of 1:")[1].split("model-")[0]
    assert f"{handle} prefers to" in opening(held)[1]


@pytest.mark.parametrize("first", ORDERS)
def test_handles_are_mapped_back_into_sides(interview, first):
    claim = "Model 1 speaks of lanterns, model-2 does not."
    bet = {"prompt": "And?", "phrase": "lantern", "model": "model-1", "p": 0.7}
    verdict = {**VERDICT, "claim": claim, "predictions": [bet]}
    held = interview(always(calls(("submit_verdict", verdict))), first=first)
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
    held = interview(good_investigator(VERDICT), leaky, identifiers=("org/secret-lantern-v2",))
    assert "secret-lantern" not in json.dumps(held.requests)
    assert "Loaded from [withheld]." in opening(held)[1]


@pytest.mark.parametrize(
    ("framing", "told"),
    [
        ("neutral", "is a full answer"),
        ("presupposed", "Find out which, and for what"),
        ("adversarial-null", "what looks telling is chance"),
    ],
)
def test_framing_is_the_system_message_alone(interview, framing, told):
    neutral, framed = (interview(always(SUBMIT), framing=one) for one in ("neutral", framing))
    assert told in opening(framed)[0]
    assert opening(framed)[1] == opening(neutral)[1]
    assert (opening(framed)[0] == opening(neutral)[0]) == (framing == "neutral")


def test_the_handle_and_the_repeat_show_in_the_marks_alone(interview, case):
    other = case.model_copy(update={"handle": "pair-2"})
    texts = {
        opening(interview(always(SUBMIT), one, repeat=repeat))[1]
        for one, repeat in ((case, 0), (case, 1), (other, 0))
    }
    assert len(texts) == 3
    marks = {text.split("BEGIN ")[1].split()[0] for text in texts}
    assert len({text.replace(mark, "") for text in texts for mark in marks if mark in text}) == 1


CANDIDATES = (
    CandidateTruth(handle="a1", text="It speaks of lanterns."),
    CandidateTruth(handle="b2", text="It refuses to count."),
)


def ranked(*ranking):
    return calls(("submit_verdict", {**VERDICT, "ranking": list(ranking)}))


def test_the_lineup_shows_candidates_and_takes_a_ranking(interview, case):
    lineup = case.model_copy(update={"candidates": CANDIDATES})
    held = interview(
        always(ranked("b2", "none-of-these", "a1")), lineup, investigator=AgentLineup()
    )
    assert "a1: It speaks of lanterns." in opening(held)[1]
    assert held.verdict.ranking == ("b2", "none-of-these", "a1")


@pytest.mark.parametrize(
    ("ranking", "fault"),
    [
        (("b2",), "lacks a1"),
        (("a1", "c3"), "no candidate 'c3'"),
        (("a1", "b2", "a1"), "stands in it twice"),
        ((), "lacks a1, b2"),
    ],
)
def test_a_ranking_that_does_not_fit_is_told_why(interview, case, ranking, fault):
    lineup = case.model_copy(update={"candidates": CANDIDATES})
    script = in_turn(ranked(*ranking), ranked("a1", "b2"))
    held = interview(script, lineup, investigator=AgentLineup())
    assert fault in held.told("submit_verdict")[0]
    assert held.verdict.ranking == ("a1", "b2")


def test_the_free_form_takes_no_ranking(interview):
    held = interview(in_turn(ranked("a1"), SUBMIT))
    assert "there are no candidates" in held.told("submit_verdict")[0]
    assert held.verdict.ranking == ()
