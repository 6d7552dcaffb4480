import json

import pytest
from diffkit_evaluators.llm.response import parse_calls

from diffkit.testing.endpoint import always, calls, fails, in_turn, in_words, says


@pytest.fixture
def model(bench):
    return bench.model(tool_calls="json")


def test_tools_are_described_and_none_is_sent(bench, model, ask, tools):
    bench.endpoint.script = in_words(always(calls(("ask_models", {"prompts": ["Hi"]}))))
    reply = model.complete(ask, tools=tools)
    (call,) = reply.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("ask_models", {"prompts": ["Hi"]})
    body = bench.endpoint.requests[0]
    assert "tools" not in body
    system, user = body["messages"]
    assert system["role"] == "system"
    for tool in tools:
        assert tool["function"]["name"] in system["content"]
        assert json.dumps(tool["function"]["parameters"]) in system["content"]
    assert user == ask[0]
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["tool"] == {"enum": ["ask_models", "submit_verdict"]}


def test_results_go_back_in_words(bench, model, ask, tools):
    bench.endpoint.script = in_words(always(calls(("ask_models", {"prompts": ["Hi"]}))))
    reply = model.complete(ask, tools=tools)
    result = {"role": "tool", "tool_call_id": reply.tool_calls[0].id, "content": "Hello."}
    left = {"role": "user", "content": "49 questions are left."}
    model.complete([*ask, reply.message, result, left], tools=tools)
    messages = bench.endpoint.requests[1]["messages"]
    assert [one["role"] for one in messages] == ["system", "user", "assistant", "user"]
    assert json.loads(messages[2]["content"])["tool"] == "ask_models"
    assert messages[3]["content"] == "Result of ask_models:\nHello.\n\n49 questions are left."
    assert not any("tool_calls" in one for one in messages)
    assert [one.earlier for one in bench.events("request")] == [0, 2]


def test_a_system_message_of_the_agents_follows_the_description(bench, model, ask, tools):
    model.complete([{"role": "system", "content": "You investigate."}, *ask], tools=tools)
    system, _ = bench.endpoint.requests[0]["messages"]
    assert system["content"].endswith("\n\nYou investigate.")


@pytest.mark.parametrize(
    ("choice", "demand"),
    [
        ("required", "Call a tool now."),
        ("none", "Call no tool now."),
        ({"type": "function", "function": {"name": "submit_verdict"}}, "Call submit_verdict now."),
    ],
)
def test_a_choice_of_tools_is_said(bench, model, ask, tools, *, choice, demand):
    model.complete(ask, tools=tools, tool_choice=choice)
    body = bench.endpoint.requests[0]
    assert body["messages"][-1]["content"] == f"What differs?\n\n{demand}"
    assert ("response_format" in body) == (choice != "none")


def test_empty_answers_are_not_sent_back(bench, model, ask, tools):
    nothing = {"role": "assistant", "content": ""}
    again = {"role": "user", "content": "Call a tool."}
    model.complete([*ask, nothing, again], tools=tools)
    assert [one["role"] for one in bench.endpoint.requests[0]["messages"]] == ["system", "user"]


def test_calls_of_a_native_conversation_are_put_into_words(bench, model, ask):
    call = {"id": "x", "function": {"name": "ask_models", "arguments": '{"prompts": ["Hi"]}'}}
    spoken = {"role": "assistant", "content": None, "tool_calls": [call]}
    model.complete([*ask, spoken, {"role": "tool", "tool_call_id": "y", "content": "Hm."}])
    _, said, result = bench.endpoint.requests[0]["messages"]
    assert json.loads(said["content"]) == {"tool": "ask_models", "arguments": {"prompts": ["Hi"]}}
    assert result["content"] == "Result of the tool:\nHm."


def test_an_endpoint_that_takes_no_schema_is_asked_in_words_alone(bench, model, ask, tools):
    answer = in_words(always(calls(("submit_verdict", {}))))

    def script(body, number):
        return fails(400) if "response_format" in body else answer(body, number)

    bench.endpoint.script = script
    assert model.complete(ask, tools=tools).tool_calls[0].name == "submit_verdict"
    assert model.complete(ask, tools=tools).tool_calls[0].name == "submit_verdict"
    assert bench.endpoint.calls == 3


CALL = '{"tool": "ask_models", "arguments": {"prompts": ["Hi {there}"]}}'


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (CALL, ["ask_models"]),
        (f"I ask.\n```json\n{CALL}\n```", ["ask_models"]),
        (f"{CALL}\n{CALL}", ["ask_models", "ask_models"]),
        (f"[{CALL},\n {CALL}]", ["ask_models"] * 2),
        ('{"name": "read_finding", "arguments": {"name": "kl/1"}}', ["read_finding"]),
        (f"The model said {CALL} to me.", []),
        (f"<think>\n{CALL}\n</think>\nNothing.", []),
        ('{"claim": "none"}', []),
        (CALL[:-4], []),
        ("", []),
    ],
)
def test_calls_are_found_in_words_and_quotations_are_none(text, names):
    assert [one.name for one in parse_calls(text, 1)] == names


def test_what_a_call_lacks_or_has_wrong_is_handed_on():
    (bare,) = parse_calls('{"tool": "list_findings"}', 3)
    (worded,) = parse_calls('{"tool": 7, "arguments": "all \\ud800"}', 3)
    assert (bare.id, bare.arguments) == ("call-3-0", "{}")
    assert (worded.name, worded.arguments) == ("7", "all �")


def test_ids_differ_from_turn_to_turn(bench, model, ask, tools):
    bench.endpoint.script = in_words(in_turn(calls(("a", {}), ("b", {})), calls(("a", {}))))
    first = model.complete(ask, tools=tools)
    second = model.complete([*ask, first.message, *ask], tools=tools)
    ids = [one.id for reply in (first, second) for one in reply.tool_calls]
    assert len({*ids}) == 3


def test_words_without_a_call_are_words(bench, model, ask, tools):
    bench.endpoint.script = always(says("I think that they are the same."))
    reply = model.complete(ask, tools=tools)
    assert (reply.text, reply.tool_calls) == ("I think that they are the same.", ())
    assert reply.message == {"role": "assistant", "content": reply.text}
