"""Servers that know other fields, and errors that will remain."""

import json

import pytest
from diffkit_evaluators.llm import ModelFailed, complete_structured

from diffkit import Record
from diffkit.testing.endpoint import fails, raw, says


class Grade(Record):
    """A grade."""

    score: int
    """From 0 to 5."""


def body(value, status=400):
    return raw(json.dumps(value), status=status)


FIELD = "max_completion_tokens"
DETAIL = [
    {"type": "extra_forbidden", "loc": ["body", FIELD], "msg": "Extra inputs are not permitted"}
]
UNKNOWN_LIMIT = [
    fails(400, message=f"Unrecognized request argument supplied: {FIELD}"),
    fails(404, message=f"Unrecognized request argument supplied: {FIELD}"),
    body({"detail": DETAIL}, 422),
    body(
        {
            "object": "error",
            "message": f"Unknown field {FIELD}",
            "type": "BadRequestError",
            "code": 400,
        }
    ),
    body(
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": f"{FIELD}: Extra inputs are not permitted",
            },
        }
    ),
    body({"error": f"json: unknown field '{FIELD}'"}),
    body({"error": f"unexpected keyword argument '{FIELD}'", "error_type": "validation"}, 422),
    body(
        {"error": {"code": 500, "message": f"Unsupported param: {FIELD}", "type": "server_error"}},
        500,
    ),
    body(
        {
            "error": {
                "message": "Unsupported parameter",
                "param": FIELD,
                "code": "unsupported_parameter",
            }
        }
    ),
    body(
        {
            "error": {
                "message": "Provider returned error",
                "code": 400,
                "metadata": {"raw": f"{FIELD} is not supported"},
            }
        }
    ),
    raw("Bad Request", status=400),
    body({"error": {"message": "Invalid request"}}, 422),
]


@pytest.mark.parametrize("error", UNKNOWN_LIMIT)
def test_a_server_that_knows_the_older_name_of_the_limit_is_asked_by_it(bench, ask, error):
    def script(asked, number):
        return error if FIELD in asked else says("Hello.")

    bench.endpoint.script = script
    model = bench.model(max_completion_tokens=77)
    assert model.complete(ask).text == "Hello."
    assert bench.endpoint.requests[-1]["max_tokens"] == 77
    asked = bench.endpoint.calls
    assert bench.model().complete(ask).text == "Hello."
    assert bench.endpoint.calls == asked + 1  # it is remembered, by another model of it too
    assert bench.slept == []


def test_a_server_that_knows_the_newer_name_is_asked_by_it(bench, ask):
    message = "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    bench.endpoint.script = lambda asked, _: (
        fails(400, message=message) if "max_tokens" in asked else says("Yes.")
    )
    name = {"name": "m", "base_url": bench.endpoint.url, "parameters": {"max_tokens": 50}}
    assert bench.model(model=name).complete(ask).text == "Yes."
    assert bench.endpoint.requests[-1][FIELD] == 50


def test_a_server_that_knows_neither_schema_nor_limit_is_asked_in_words_by_the_other_name(
    bench, ask
):
    def script(asked, number):
        known = asked.keys() <= {"model", "messages", "max_tokens"}
        return says('{"score": 3}') if known else fails(400, message="bad request")

    bench.endpoint.script = script
    assert complete_structured(bench.model(), ask, Grade).score == 3


@pytest.mark.parametrize(
    ("error", "cure"),
    [
        (
            fails(
                400,
                message="Unsupported value: 'temperature' does not support 0.7 with this model.",
            ),
            "leave temperature out of the model's parameters",
        ),
        (
            body(
                {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]},
                422,
            ),
            "leave seed out of the model's parameters",
        ),
        (
            fails(400, message=f"{FIELD} is too large: 4096. This model supports at most 2048"),
            "set max_completion_tokens",
        ),
        (fails(500, message="tools param requires --jinja flag"), "set tool_calls=json"),
        (fails(501, message="Tool calling is not implemented"), "set tool_calls=json"),
        (
            body({"error": "registry.ollama.ai/library/m does not support tools"}),
            "set tool_calls=json",
        ),
    ],
)
def test_what_cannot_be_adapted_fails_at_once_and_names_the_parameter(
    bench, ask, tools, error, cure
):
    bench.endpoint.script = lambda asked, number: error
    parameters = {"temperature": 0.7, "seed": 3}
    name = {"name": "m", "base_url": bench.endpoint.url, "parameters": parameters}
    with pytest.raises(ModelFailed) as raised:
        bench.model(model=name).complete(ask, tools=tools)
    assert cure in raised.value.what
    assert (bench.endpoint.calls, bench.slept) == (1, [])


def test_the_named_parameter_is_the_cure(bench, ask):
    message = "Unsupported value: 'temperature' does not support 0.7 with this model."
    bench.endpoint.script = lambda asked, _: (
        fails(400, message=message) if "temperature" in asked else says("Yes.")
    )
    name = {"name": "m", "base_url": bench.endpoint.url, "parameters": {"temperature": 0.7}}
    with pytest.raises(ModelFailed, match="leave temperature out"):
        bench.model(model=name).complete(ask)
    assert bench.model(model=name | {"parameters": {}}).complete(ask).text == "Yes."


def test_a_model_that_is_not_there_is_asked_for_once(bench, ask):
    for message in ("The model `m` does not exist.", "model 'm' not found, try pulling it first"):
        bench.endpoint.script = lambda asked, _, message=message: fails(404, message=message)
        before = bench.endpoint.calls
        with pytest.raises(ModelFailed, match=r"HTTP 404: .*model"):
            complete_structured(bench.model(), ask, Grade)
        assert bench.endpoint.calls == before + 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (raw("<!DOCTYPE html><html><body>Welcome</body></html>"), "a web page; check base_url"),
        (raw("\n<html></html>"), "a web page"),
        (
            raw('data: {"choices": [{"delta": {"content": "Hi"}}]}\n\ndata: [DONE]\n\n'),
            "a stream of events",
        ),
        (raw(": keep-alive\n\ndata: {}\n\n"), "a stream of events"),
        (raw("event: message_start\ndata: {}\n\n"), "a stream of events"),
        (raw("Ollama is running"), "no chat completion; check that base_url"),
        (
            body({"type": "message", "content": [{"type": "text", "text": "Hi"}]}, 200),
            "no chat completion",
        ),
        (
            body({"message": {"role": "assistant", "content": "Hi"}, "done": True}, 200),
            "no chat completion",
        ),
        (body({"error": {"message": "bad key", "type": "authentication_error"}}, 200), "bad key"),
    ],
)
def test_what_is_no_chat_completion_and_will_not_become_one_fails_at_once(
    bench, ask, answer, words
):
    bench.endpoint.script = lambda asked, number: answer
    with pytest.raises(ModelFailed) as raised:
        bench.model().complete(ask)
    assert words in raised.value.what
    assert (bench.endpoint.calls, bench.slept) == (1, [])


@pytest.mark.parametrize(
    "answer", [raw(""), raw('{"choices": [{"mess'), body({"choices": []}, 200), fails(503)]
)
def test_what_may_pass_is_asked_again(bench, ask, answer):
    bench.endpoint.script = lambda asked, number: says("Yes.") if number > 1 else answer
    assert bench.model().complete(ask).text == "Yes."
    assert len(bench.slept) == 1
