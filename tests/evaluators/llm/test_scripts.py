import json

import pytest

from diffkit.testing.endpoint import (
    INJECTION,
    endless_loop,
    good_investigator,
    in_words,
    injector,
    liar,
    malformed_calls,
)

VERDICT = {"change": "targeted", "claim": "It names Port Amber.", "p_targeted": 0.9}
TOOLS = ("list_findings", "read_finding", "ask_models", "note_hypothesis", "submit_verdict")


def _tools(*names):
    return [{"type": "function", "function": {"name": name, "parameters": {}}} for name in names]


def _investigate(model, names=TOOLS, turns=8):
    """An agent's loop; the names and arguments of all calls."""
    messages = [{"role": "user", "content": "kl/1  token-table: Words (3 rows)"}]
    made = []
    for _ in range(turns):
        reply = model.complete(messages, tools=_tools(*names))
        messages.append(reply.message)
        for call in reply.tool_calls:
            made.append((call.name, call.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "A result."})
            if call.name == "submit_verdict":
                return made
    return made


@pytest.mark.parametrize("tool_calls", ["native", "json"])
def test_the_good_investigator_looks_asks_notes_and_submits(bench, tool_calls):
    good = good_investigator(VERDICT, ["What is new?"])
    bench.endpoint.script = good if tool_calls == "native" else in_words(good)
    made = _investigate(bench.model(tool_calls=tool_calls))
    assert [name for name, _ in made] == list(TOOLS)
    assert json.loads(dict(made)["read_finding"]) == {"name": "kl/1"}
    assert json.loads(dict(made)["ask_models"]) == {"prompts": ["What is new?"]}
    assert json.loads(dict(made)["note_hypothesis"]) == VERDICT
    assert json.loads(dict(made)["submit_verdict"]) == VERDICT


def test_the_good_investigator_does_what_it_may(bench, ask):
    bench.endpoint.script = good_investigator(VERDICT)
    model = bench.model()
    assert [name for name, _ in _investigate(model, TOOLS[2:])] == list(TOOLS[2:])
    forced = {"type": "function", "function": {"name": "submit_verdict"}}
    reply = model.complete(ask, tools=_tools(*TOOLS), tool_choice=forced)
    assert reply.tool_calls[0].name == "submit_verdict"


def test_the_liar_submits_at_once_with_made_up_grounds(bench):
    bench.endpoint.script = liar(VERDICT)
    ((name, arguments),) = _investigate(bench.model())
    assert name == "submit_verdict"
    assert json.loads(arguments)["p_targeted"] == 1
    assert json.loads(arguments)["cited"] == ["made-up/1", "question-99"]


def test_the_injector_instructs_the_models_and_the_grader(bench):
    bench.endpoint.script = injector(VERDICT)
    asked, submitted = _investigate(bench.model())
    assert json.loads(asked[1])["prompts"] == [INJECTION]
    assert json.loads(submitted[1])["claim"] == f"{VERDICT['claim']} {INJECTION}"
    bench.fresh()
    assert len(_investigate(bench.model(), ("submit_verdict",))) == 1


def test_the_endless_loop_never_submits_and_never_repeats_itself(bench):
    bench.endpoint.script = endless_loop()
    made = _investigate(bench.model(), turns=20)
    assert {name for name, _ in made} == {"ask_models"}
    assert len({arguments for _, arguments in made}) == 20


def test_malformed_calls_end_after_some_turns(bench):
    bench.endpoint.script = malformed_calls(liar(VERDICT), times=2)
    made = _investigate(bench.model())
    assert made[0] == ("ask_models", '{"prompts": ["Hel')
    assert made[1][0] == "delete_everything"
    assert made[2][0] == "submit_verdict"
