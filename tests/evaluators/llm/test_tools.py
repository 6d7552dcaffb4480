import json

import pytest

from diffkit.testing.endpoint import always, calls, empty, fails, raw


def _answer(**message):
    return always(raw(json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]})))


def test_calls_are_read_in_their_order(bench, ask, tools):
    bench.endpoint.script = always(
        calls(("ask_models", {"prompts": ["Hi"]}), ("nonsense", "[1"), text="I look.")
    )
    reply = bench.model().complete(ask, tools=tools, tool_choice="required")
    assert [(one.name, one.arguments) for one in reply.tool_calls] == [
        ("ask_models", '{"prompts": ["Hi"]}'),
        ("nonsense", "[1"),
    ]
    assert (reply.text, reply.finish) == ("I look.", "tool_calls")
    assert len({one.id for one in reply.tool_calls}) == 2
    assert bench.endpoint.requests[0]["tools"] == tools
    assert bench.endpoint.requests[0]["tool_choice"] == "required"


def test_without_tools_none_are_sent(bench, ask):
    bench.model().complete(ask, tool_choice="none")
    assert {"tools", "tool_choice"}.isdisjoint(bench.endpoint.requests[0])


def test_what_goes_back_is_json_even_where_the_model_wrote_none(bench, ask, tools):
    bench.endpoint.script = always(calls(("ask_models", '{"prompts": ["Hel')))
    reply = bench.model().complete(ask, tools=tools)
    (sent,) = reply.message["tool_calls"]
    assert reply.tool_calls[0].arguments == '{"prompts": ["Hel'
    assert json.loads(sent["function"]["arguments"]) == {"malformed": '{"prompts": ["Hel'}
    assert sent["id"] == reply.tool_calls[0].id


def test_what_else_an_endpoint_says_of_a_call_goes_back_to_it(bench, ask, tools):
    signed = {"id": "", "extra_content": {"signature": "s"}, "function": {"name": "a"}}
    thoughts = [{"type": "reasoning.text", "text": "Hm."}]
    bench.endpoint.script = _answer(tool_calls=[signed], reasoning_details=thoughts)
    reply = bench.model().complete(ask, tools=tools)
    (sent,) = reply.message["tool_calls"]
    assert sent["extra_content"] == {"signature": "s"}
    assert reply.message["reasoning_details"] == thoughts
    assert (sent["id"], sent["function"]) == ("call-1-0", {"name": "a", "arguments": "{}"})


@pytest.mark.parametrize(
    "given", [None, "call", [None, 3, {}, {"function": None}, {"type": "custom", "custom": {}}]]
)
def test_calls_that_are_none_are_left_out(bench, ask, tools, given):
    bench.endpoint.script = _answer(content="Words.", tool_calls=given)
    reply = bench.model().complete(ask, tools=tools)
    assert (reply.text, reply.tool_calls) == ("Words.", ())
    assert reply.message == {"role": "assistant", "content": "Words."}


def test_arguments_that_are_no_text_are_made_text(bench, ask, tools):
    call = {"id": "a", "function": {"name": "ask_models", "arguments": {"prompts": ["Hi"]}}}
    bench.endpoint.script = _answer(tool_calls=[call, call])
    reply = bench.model().complete(ask, tools=tools)
    assert json.loads(reply.tool_calls[0].arguments) == {"prompts": ["Hi"]}


def test_text_in_parts_is_put_together(bench, ask):
    parts = [{"type": "text", "text": "one "}, {"type": "image"}, "x", {"text": "two"}]
    bench.endpoint.script = _answer(content=parts)
    assert bench.model().complete(ask).text == "one two"


@pytest.mark.parametrize("script", [always(empty()), _answer(), _answer(content=None, refusal="")])
def test_an_empty_answer_is_an_empty_reply(bench, ask, script):
    bench.endpoint.script = script
    reply = bench.model().complete(ask)
    assert (reply.text, reply.refusal, reply.tool_calls) == ("", "", ())
    assert reply.message == {"role": "assistant", "content": ""}


def test_ids_are_unique_where_the_endpoint_gives_the_same_twice(bench, ask, tools):
    call = {"id": "0", "function": {"name": "ask_models", "arguments": "{}"}}
    bench.endpoint.script = _answer(tool_calls=[call, call])
    reply = bench.model().complete(ask, tools=tools)
    assert len({one.id for one in reply.tool_calls}) == 2


def test_half_a_surrogate_pair_in_arguments_can_be_written(bench, ask, tools):
    bench.endpoint.script = always(calls(("ask_models", '{"prompts": ["\\ud800 \\u00e9"]}')))
    reply = bench.model().complete(ask, tools=tools)
    assert reply.tool_calls[0].arguments == '{"prompts": ["� é"]}'


def test_an_endpoint_that_takes_no_choice_of_tools_is_told_it_in_words(bench, ask, tools):
    def script(body, number):
        choice = fails(400, message="tool_choice is not supported")
        return choice if "tool_choice" in body else calls(("submit_verdict", {}))

    bench.endpoint.script = script
    model = bench.model()
    forced = {"type": "function", "function": {"name": "submit_verdict"}}
    for _ in range(2):
        reply = model.complete(ask, tools=tools, tool_choice=forced)
        assert reply.tool_calls[0].name == "submit_verdict"
    assert bench.endpoint.calls == 3
    said = bench.endpoint.requests[-1]
    assert said["messages"][-1]["content"] == "What differs?\n\nCall submit_verdict now."
    assert said["tools"] == tools
