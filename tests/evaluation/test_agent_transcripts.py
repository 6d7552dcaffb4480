"""What agents said is told: listed, shown, reported and exported, from real conversations."""

from pathlib import Path

import pytest
from inspect_ai.log import list_eval_logs, read_eval_log

from diffkit.testing.endpoint import ScriptedEndpoint, good_investigator, in_words, malformed_calls

VERDICT = {"claim": "model-2 sings of birds.", "change": "targeted", "p_targeted": 0.9}
WHAT = ("--organisms", "birds", "--methods", "echo", "--controls", "none", "--yes")
WHO = ("--investigators", "agent", "--model", "investigator=openai/scripted")


@pytest.fixture
def evaluated(cli, monkeypatch):
    """The program, after agents were asked that a script plays."""

    def evaluate(script, *flags):
        monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-4711")
        with ScriptedEndpoint(script) as served:
            monkeypatch.setenv("OPENAI_BASE_URL", served.url)
            said = cli("evaluate", *WHAT, *WHO, *flags)
            assert said.code == 0, said.err
        return cli

    return evaluate


def listed(cli):
    return cli("runs", "list", "--attempts", "--json").json()


@pytest.mark.slow
def test_a_conversation_is_told_with_each_thing_once(evaluated):
    script = malformed_calls(good_investigator(VERDICT), times=2)
    cli = evaluated(script, "--repeats", "2", "--arms", "method,blackbox")
    assert len(listed(cli)) == 2 * 2
    digest = listed(cli)[0]["digest"]
    shown = cli("runs", "show", digest, "--full").out
    assert shown.count("system → investigator") == shown.count("user → investigator") == 1
    assert "tool → investigator" not in shown
    assert "assistant → investigator" not in shown
    assert "tool delete_everything ✗" in shown
    assert shown.count("tool submit_verdict") == 1
    assert "sk-secret" not in shown
    assert cli("report", digest, "--out", "one.html").code == 0
    assert "tool delete_everything" in Path("one.html").read_text()
    assert cli("report", "--leaderboard", "--out", "all.html").code == 0
    page = Path("all.html").read_text()
    assert page.count('<details class="run" id="attempt-') == 4
    assert 'href="#attempt-0"' in page
    assert cli("export", "inspect", "--out", "logs").code == 0
    logs = [read_eval_log(path) for path in list_eval_logs(str(Path("logs").absolute()))]
    tasks = {log.eval.task.partition("/")[2] for log in logs}
    assert tasks == {"echo/method/agent", "blackbox/agent"}
    samples = [one for log in logs for one in log.samples]
    assert sorted(one.epoch for one in samples) == [1, 1, 2, 2]
    for one in samples:
        calls = [call for said in one.messages for call in getattr(said, "tool_calls", None) or ()]
        told = [said.tool_call_id for said in one.messages if said.role == "tool"]
        assert told == [call.id for call in calls]
        assert one.model_usage["openai/scripted"].output_tokens > 0


def test_an_agent_without_tools_is_told_with_each_result_once(evaluated):
    script = in_words(good_investigator(VERDICT))
    cli = evaluated(script, "--set", "investigators.agent.tool_calls=json")
    shown = cli("runs", "show", listed(cli)[0]["digest"], "--full").out
    assert "(as told above)" in shown
    assert "assistant → investigator" not in shown
    assert shown.count("tool submit_verdict") == 1
