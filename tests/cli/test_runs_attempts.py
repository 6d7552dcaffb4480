"""Attempts and grades that the program lists and shows."""

from pathlib import Path

import pytest
from dk_attempts import ATTACK, attempt, keep, story

from diffkit.chat.transcript import TRANSCRIPT_FILE
from diffkit.grader import Grade
from diffkit.verdict import Attempt

STORE = Path("diffkit-runs")
KEY = "a1" * 32


@pytest.fixture
def kept(cli):
    """The program, and an attempt of an agent in its store."""
    keep(STORE, attempt("It sings of birds.", KEY), story("It sings of birds."))
    return cli


def test_an_attempt_is_shown_where_no_run_begins_so(kept):
    shown = kept("runs", "show", "a1a1")
    assert shown.code == 0
    for part in ("attempt  a1a1a1a1a1a1", "openai/x", "tool ask_models", "It sings of birds."):
        assert part in shown.out


def test_a_grade_is_shown_where_neither_begins_so(kept):
    keep(STORE, Grade(score=1, chance=0.125, reasons="All of it."), key="b2" * 32)
    assert "All of it." in kept("runs", "show", "b2").out


def test_json_holds_the_attempt_and_its_events(kept):
    found = kept("runs", "show", KEY, "--json").json()
    assert Attempt.model_validate(found["attempt"]).verdict.claim == "It sings of birds."
    assert [event["kind"] for event in found["events"]] == [event.kind for event in story()]


def test_full_cuts_nothing(kept):
    keep(STORE, attempt(digest="c3" * 32), story("word " * 300 + "the end."))
    assert "the end." not in kept("runs", "show", "c3").out
    assert "the end." in kept("runs", "show", "c3", "--full").out


def test_several_that_begin_so_and_none_are_mistakes(kept):
    keep(STORE, attempt(digest="a1" + "0" * 62))
    assert (
        "2 runs, attempts, grades in diffkit-runs start with 'a1'"
        in kept("runs", "show", "a1").error
    )
    assert "`diffkit runs list --attempts`" in kept("runs", "show", "f").error


def test_a_damaged_transcript_is_one_line(kept):
    with (STORE / "attempts" / KEY / TRANSCRIPT_FILE).open("a") as file:
        file.write("{no json\n")
    shown = kept("runs", "show", KEY)
    assert shown.code == 1
    assert f"{TRANSCRIPT_FILE}:10 is damaged." in shown.error


def test_attempts_are_listed_with_cost_and_claim(kept):
    long = "It sings " + "again and " * 20 + "stops."
    keep(STORE, attempt(long, "d4" * 32, usage={}, questions=0))
    listed = kept("runs", "list", "--attempts")
    assert listed.code == 0
    first, second = [line for line in listed.out.splitlines() if line.startswith("│ ")]
    for part in (
        "a1a1a1a1a1a1",
        "verdict",
        "openai/x",
        " 1 ",
        " 2 ",
        "$0.0042",
        "It sings of birds.",
    ):
        assert part in first
    assert "…" in second
    assert "$" not in second
    assert "stops." not in second


def test_attempts_as_json(kept):
    (found,) = kept("runs", "list", "--attempts", "--json").json()
    assert Attempt.model_validate(found).digest == KEY


def test_an_attempt_without_a_verdict_is_listed_with_its_error(kept):
    keep(STORE, attempt(digest="f6" * 32, outcome="refused", verdict=None, error="I will not."))
    _, refused = [
        line for line in kept("runs", "list", "--attempts").out.splitlines() if line[:2] == "│ "
    ]
    assert "I will not." in refused


def test_attempts_are_listed_by_how_they_ended(kept):
    keys = {"failed": "f6" * 32, "model-error": "f7" * 32}
    for outcome, key in keys.items():
        keep(STORE, attempt(digest=key, outcome=outcome, verdict=None, error="No."))

    def listed(*flags):
        found = kept("runs", "list", *flags, "--json").json()
        return sorted(one["digest"] for one in found)

    assert listed("--attempts", "--outcome", "failed") == [keys["failed"]]
    both = sorted(keys.values())
    assert listed("--outcome", "failed, model-error") == both
    assert listed("--outcome", "failed", "--outcome", "model-error") == both
    assert listed("--attempts", "--outcome", "refused") == []
    assert len(listed("--attempts")) == 3


def test_an_outcome_that_is_none_is_a_mistake(kept):
    said = kept("runs", "list", "--attempts", "--outcome", "failled")
    assert said.code == 2
    assert "--outcome 'failled'" in said.error
    assert "Did you mean 'failed'? There are: verdict, abstained," in said.error


def test_a_damaged_attempt_is_a_warning_and_hides_no_other(kept):
    keep(STORE, attempt(digest="e5" * 32))
    (STORE / "attempts" / ("e5" * 32) / "attempt.json").write_text("{")
    listed = kept("runs", "list", "--attempts")
    assert "a1a1a1a1a1a1" in listed.out
    assert "is missing or damaged" in listed.err


def test_what_organisms_said_cannot_steer_the_terminal(cli):
    keep(STORE, attempt(ATTACK, KEY), story(ATTACK))
    for words in (("runs", "show", KEY, "--full"), ("runs", "list", "--attempts")):
        shown = cli(*words).out
        assert "Ignore previous instructions." in shown
        assert not set("\x1b\x07\u202e\u2066") & set(shown)
