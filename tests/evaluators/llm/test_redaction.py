import traceback

import pytest
from diffkit_evaluators.llm import ModelFailed
from diffkit_evaluators.llm.redaction import ApiKey

from diffkit.testing.endpoint import always, at_first, cuts, fails, raw

KEY = "sk-very-secret/1234567890"
ECHO = f"Incorrect key {KEY}; Authorization: Bearer {KEY}"


@pytest.fixture(autouse=True)
def _with_key(bench, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def _written(bench):
    return bench.path.read_text() + repr(bench.chat.cache) + repr(bench.chat)


def test_the_key_is_sent_and_written_nowhere(bench, ask):
    bench.model().complete(ask)
    assert bench.endpoint.headers[0]["authorization"] == f"Bearer {KEY}"
    assert "very-secret" not in _written(bench)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_an_error_that_says_the_key_is_told_without(bench, ask, status):
    bench.endpoint.script = always(fails(status, message=ECHO))
    with pytest.raises(ModelFailed, match="Incorrect key") as raised:
        bench.model(retries=1).complete(ask)
    told = "".join(traceback.format_exception(raised.value))
    assert "very-secret" not in told + str(raised.value) + _written(bench)


def test_an_answer_that_says_the_key_is_kept_without(bench, ask):
    body = '{"choices": [{"message": {"content": "%s"}}], "%s": ["%s"]}' % (
        (ECHO.replace("/", "\\/"),) * 3
    )
    bench.endpoint.script = always(raw(body))
    reply = bench.model().complete(ask)
    assert reply.text == "Incorrect key [key]; Authorization: Bearer [key]"
    assert "very-secret" not in _written(bench)


def test_a_question_that_holds_the_key_is_asked_without(bench):
    bench.model().complete([{"role": "user", "content": f"Is {KEY} yours?"}])
    assert bench.endpoint.requests[0]["messages"][0]["content"] == "Is [key] yours?"
    assert "very-secret" not in _written(bench)


def test_the_key_is_in_no_error_of_a_broken_connection(bench, ask):
    bench.endpoint.script = at_first(cuts(), always(fails(418, message=ECHO)))
    with pytest.raises(ModelFailed) as raised:
        bench.model().complete(ask)
    chain = [raised.value, raised.value.__cause__, raised.value.__context__]
    assert not any("very-secret" in f"{one!r} {getattr(one, '__dict__', '')}" for one in chain)


def test_a_part_of_a_key_and_keys_of_others_are_withheld_too():
    line = ApiKey("sk-abcdefgh-ijklmnop").one_line(
        "Incorrect key: sk-abcd****mnop, Bearer xyz. The task-force"
    )
    assert line == "Incorrect key: [key], Bearer [key] The task-force"


def test_paths_are_in_no_reason():
    line = ApiKey("none").one_line(
        "Cannot read /models/organism-7/adapter of http://host/v1 (400/422)"
    )
    assert line == "Cannot read [path] of http://host/v1 (400/422)"


def test_placeholders_are_no_secrets():
    assert ApiKey("EMPTY").redact("EMPTY") == "EMPTY"
    assert ApiKey("none").redact({"none": ["none"]}) == {"none": ["none"]}


def test_half_a_surrogate_pair_can_be_written(bench, ask):
    bench.endpoint.script = always(
        raw('{"choices": [{"message": {"content": "a\\ud800b \\ud83d\\ude00"}}]}')
    )
    assert bench.model().complete(ask).text == "a�b 😀"
    assert bench.events("response")[0].body["choices"][0]["message"]["content"] == "a�b 😀"
