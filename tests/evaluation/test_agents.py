"""Agents through the program: real HTTP to a scripted endpoint, faults of every kind, a kill."""

import json
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from diffkit_evaluators.llm import logged_client
from diffkit_evaluators.llm.logged_client import with_retries
from dk_fixtures import until

from diffkit.chat.transcript import read_transcript
from diffkit.evaluation.leaderboard import Leaderboard
from diffkit.testing.endpoint import (
    ScriptedEndpoint,
    always,
    fails,
    good_investigator,
    injector,
    liar,
    random_faults,
    refuses,
    says,
    slow,
)
from diffkit.verdict import Attempt, Outcome

KEY = "sk-secret-4711"
VERDICT = {"claim": "model-2 sings of birds.", "change": "targeted", "p_targeted": 0.9}
AGENT = (
    "evaluate",
    "--methods",
    "echo",
    "--investigators",
    "agent",
    "--model",
    "investigator=openai/scripted",
    "--controls",
    "none",
)


def at_once(send, config, *, sleep, on_retry):
    """Tries again without waiting."""
    del sleep
    return with_retries(send, config, sleep=lambda _: None, on_retry=on_retry)


@pytest.fixture
def endpoint(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(logged_client, "with_retries", at_once)
    with ScriptedEndpoint(good_investigator(VERDICT)) as served:
        monkeypatch.setenv("OPENAI_BASE_URL", served.url)
        yield served


def attempts():
    files = Path("diffkit-runs/attempts").glob("*/attempt.json")
    return [Attempt.model_validate_json(file.read_text()) for file in files]


def board(cli):
    return Leaderboard.model_validate_json(cli("leaderboard", "--json").out)


def test_nothing_is_asked_before_the_bill_is_agreed_to(cli, endpoint):
    said = cli(*AGENT, "--organisms", "birds,same")
    assert said.code == 2
    assert "2 attempts by openai/scripted: at most 120 calls" in said.err
    assert "at an unknown price" in said.err
    assert "Repeat the command with --yes" in said.error
    assert endpoint.calls == 0
    Path("prices.yaml").write_text("models: {openai/scripted: {input: 1, output: 2}}\n")
    priced = cli(*AGENT, "--organisms", "birds,same", "--prices", "prices.yaml")
    assert "together $" in priced.err


def test_agents_are_asked_graded_and_shown(cli, endpoint):
    Path("prices.yaml").write_text("models: {openai/scripted: {input: 1, output: 2}}\n")
    flags = ("--organisms", "birds,ships,same", "--repeats", "2", "--prices", "prices.yaml")
    arms = ("--arms", "method,blackbox,combined", "--calibrate", "noise:2")
    said = cli(*AGENT, *flags, *arms, "--yes")
    assert said.code == 0, said.err
    made = attempts()
    # Organisms and nulls, two arms (of one method, combined is the same), repeats.
    assert len(made) == (3 + 2) * 2 * 2
    assert {one.outcome for one in made} == {Outcome.VERDICT}
    assert all(one.questions == 1 for one in made)
    assert {one.verdict.claim for one in made} == {  # whichever side was shown second
        "the base model sings of birds.",
        "the finetuned model sings of birds.",
    }
    rows = {(row.method, row.arm): row for row in board(cli).rows}
    assert {arm for _, arm in rows} == {"method", "blackbox", "combined"}
    calls = endpoint.calls
    again = cli(*AGENT, *flags, *arms)  # nothing is missing, so nothing is billed
    assert again.code == 0, again.err
    assert endpoint.calls == calls
    anew = cli(*AGENT, *flags, *arms, "--fresh", "--yes")
    assert anew.code == 0
    assert endpoint.calls >= 2 * calls  # not even what two attempts shared is remembered


def test_the_two_repeats_see_the_models_in_both_orders(cli, endpoint):
    assert cli(*AGENT, "--organisms", "birds", "--repeats", "2", "--yes").code == 0
    claims = sorted(one.verdict.claim for one in attempts())
    assert claims == ["the base model sings of birds.", "the finetuned model sings of birds."]


def test_the_key_is_nowhere_in_the_store(cli, endpoint):
    endpoint.script = always(fails(401, message=f"bad key {KEY}"))
    assert cli(*AGENT, "--organisms", "birds", "--yes").code == 1
    (made,) = attempts()
    assert made.outcome is Outcome.MODEL_ERROR
    endpoint.script = good_investigator(VERDICT)
    assert cli(*AGENT, "--organisms", "birds", "--yes").code == 0  # made again
    (made,) = attempts()
    assert made.outcome is Outcome.VERDICT
    stored = [file for file in Path("diffkit-runs").rglob("*") if file.is_file()]
    assert stored
    assert not any(KEY.encode() in file.read_bytes() for file in stored)


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (always(refuses()), Outcome.REFUSED),
        (always(says("I think so.")), Outcome.MALFORMED),
        (always(fails(400)), Outcome.MODEL_ERROR),
        (liar(VERDICT), Outcome.NEVER_QUERIED),
        (injector(VERDICT), Outcome.VERDICT),
    ],
    ids=["refuses", "talks", "fails", "lies", "injects"],
)
def test_every_end_has_an_outcome(cli, endpoint, script, outcome):
    endpoint.script = script
    code = cli(*AGENT, "--organisms", "birds", "--arms", "blackbox", "--yes").code
    (made,) = attempts()
    assert made.outcome is outcome
    assert code == (1 if outcome is Outcome.MODEL_ERROR else 0)
    (row,) = board(cli).rows
    assert row.outcomes == f"1 {outcome.value}"


def test_without_a_model_it_ends_before_anything_is_run(cli, stranger):
    flags = [flag for flag in AGENT if flag not in {"--model", "investigator=openai/scripted"}]
    said = cli(*flags, "--organisms", "birds")
    assert said.code == 2
    assert "--model investigator=" in said.error
    assert stranger.lines("end") == []


def test_without_a_key_it_ends_before_anything_is_run(cli, stranger, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    said = cli(*AGENT, "--organisms", "birds", "--yes")
    assert said.code == 2
    assert "Set OPENAI_API_KEY" in said.error
    assert stranger.lines("end") == []


def test_who_cannot_be_asked_has_no_verdict(cli, endpoint):
    remote = ("--generator", "remote", "--set", "generator.base_url=http://127.0.0.1:9/v1")
    flags = (*AGENT, "--organisms", "birds", "--arms", "blackbox", "--yes")
    said = cli(*flags, *remote, "--set", "generator.retries=0")
    assert said.code == 1
    (made,) = attempts()
    assert made.outcome is Outcome.FAILED
    assert "The models could not be asked" in made.error
    assert cli(*flags).code == 0  # and by another generator it is


def test_a_cap_that_cannot_be_kept_is_refused_first(cli, endpoint, stranger):
    cap = ("--set", "investigators.agent.max_dollars=1")
    said = cli(*AGENT, "--organisms", "birds", *cap)
    assert said.code == 2
    assert "the price of 'openai/scripted' is unknown" in said.error
    assert stranger.lines("end") == []
    Path("prices.yaml").write_text("models: {openai/scripted: {input: 5, output: 5}}\n")
    said = cli(*AGENT, "--organisms", "birds", *cap, "--prices", "prices.yaml")
    assert "$1.00" in said.err  # no more than the cap


def test_a_damaged_attempt_is_made_anew(cli, endpoint):
    flags = (*AGENT, "--organisms", "birds", "--yes")
    assert cli(*flags).code == 0
    (file,) = Path("diffkit-runs/attempts").glob("*/attempt.json")
    file.write_text("{")
    said = cli(*flags)
    assert said.code == 0
    assert "made anew" in said.err
    assert attempts()[0].outcome is Outcome.VERDICT


@pytest.mark.slow
def test_ctrl_c_does_not_wait_for_answers(start, endpoint):
    endpoint.script = lambda body, number: slow(60, always(fails(400))(body, number))
    process = start(*AGENT, "--organisms", "birds,ships,noise", "--yes", "--concurrency", "3")
    until(lambda: endpoint.calls >= 3)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    assert process.wait(60) == 130
    assert time.monotonic() - began < 30
    assert "To continue: diffkit" in process.communicate()[1]


@pytest.mark.slow
def test_two_hundred_attempts_at_an_endpoint_that_fails_in_every_way(cli, endpoint):
    endpoint.script = random_faults(7, good_investigator(VERDICT), 0.4)
    flags = ("--organisms", "birds,ships,same,noise", "--arms", "method,combined,blackbox")
    flags = (*flags, "--repeats", "25", "--set", "investigators.agent.retries=1")
    said = cli(*AGENT, *flags, "--yes")
    assert said.code in {0, 1}, said.err
    made = attempts()
    assert len(made) == 4 * 2 * 25
    outcomes = Counter(one.outcome for one in made)
    assert outcomes[Outcome.FAILED] == 0, [one.error for one in made if one.error]
    assert set(outcomes) >= {Outcome.VERDICT, Outcome.REFUSED, Outcome.MODEL_ERROR}
    for row in board(cli).rows:  # every attempt is in the printed denominator
        assert sum(int(part.split()[0]) for part in row.outcomes.split(", ")) == 4 * 25
    for one in made:
        told = list(read_transcript(Path(f"diffkit-runs/attempts/{one.digest}/transcript.jsonl")))
        asked = Counter(event.kind for event in told)
        assert asked["request"] >= asked["response"] == one.usage["investigator"].calls


@pytest.mark.slow
def test_a_killed_evaluation_goes_on_and_asks_nothing_twice(cli, start, endpoint):
    quick = good_investigator(VERDICT)
    endpoint.script = lambda body, number: slow(0.05, quick(body, number))
    flags = (*AGENT, "--organisms", "birds,ships,noise", "--repeats", "5", "--yes")
    process = start(*flags, "--concurrency", "3")
    until(lambda: len(list(Path("diffkit-runs/attempts").glob("*"))) >= 4)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {
        file: file.stat().st_mtime_ns
        for file in Path("diffkit-runs/attempts").glob("*/attempt.json")
    }
    assert 4 <= len(done) < 15
    said = cli(*flags, "--concurrency", "3")
    assert said.code == 0, said.err
    made = attempts()
    assert len(made) == 15
    assert {one.outcome for one in made} == {Outcome.VERDICT}
    assert all(file.stat().st_mtime_ns == then for file, then in done.items())
    answers = len(list(Path("diffkit-runs/answers").glob("*/*.json")))
    assert endpoint.calls - answers <= 3  # what was on its way when it was killed
    assert any(one.usage["investigator"].remembered for one in made)


def test_a_transcript_holds_every_word_once(cli, endpoint):
    assert cli(*AGENT, "--organisms", "birds", "--yes").code == 0
    (file,) = Path("diffkit-runs/attempts").glob("*/transcript.jsonl")
    told = list(read_transcript(file))
    requests = [event for event in told if event.kind == "request"]
    assert [one.call for one in requests] == list(range(1, len(requests) + 1))
    sent = 0
    for one in requests:
        assert one.earlier == sent
        sent += len(one.messages)
    bodies = json.dumps([body["messages"][-1] for body in endpoint.requests])
    assert "birds" not in bodies.replace("sings of birds", "")  # the organism's name
