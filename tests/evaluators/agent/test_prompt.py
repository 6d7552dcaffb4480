"""What the agent is told at the beginning: by the case and the options alone."""

import json

import pytest

from diffkit import Case, Evidence, Findings, Note
from diffkit.testing.endpoint import always, calls, good_investigator, in_turn

VERDICT = {"change": "none", "p_targeted": 0.1}
SUBMIT = calls(("submit_verdict", VERDICT))


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
    assert "- kind 1: 3 pairs, 0.01 to 0.05; 0 of 3 at or above this score." in user
    assert "- kind 2: 3 pairs, 0.1 to 0.9; 2 of 3 at or above this score." in user


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


@pytest.mark.parametrize(
    ("framing", "told"),
    [
        ("neutral", "is a full answer"),
        ("presupposed", "Find out for what"),
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
