import pytest
from diffkit_evaluators.llm import ChatConfig, ChatModel
from pydantic import ValidationError

from diffkit.testing.options import assert_field_conforms


def test_a_plain_string_is_a_name():
    named = ChatConfig(model="openai/gpt-5")
    assert named == ChatConfig(model={"name": "openai/gpt-5"})
    assert named.model == ChatModel(name="openai/gpt-5")


def test_every_option_has_words_and_bounds():
    for name, option in ChatConfig.model_fields.items():
        assert_field_conforms(name, option)


@pytest.mark.parametrize(
    "url",
    ["localhost:8000", "ftp://host/v1", "http://user:secret@host/v1", "http://host/v1?key=secret"],
)
def test_an_address_is_one_and_holds_no_secret(url):
    with pytest.raises(ValidationError):
        ChatModel(name="m", base_url=url)


def test_an_address_may_end_with_a_slash():
    assert ChatModel(name="m", base_url="http://host/v1/").base_url == "http://host/v1"


@pytest.mark.parametrize(
    "parameters",
    [{"n": 2}, {"extra_body": {"stream": True}}, {"extra_headers": {}}, {"extra_body": 3}],
)
def test_parameters_cannot_take_the_request_over(parameters):
    with pytest.raises(ValidationError):
        ChatModel(name="m", parameters=parameters)


def test_parameters_go_into_the_body(bench, ask):
    parameters = {"temperature": 0.5, "made_up": 1, "extra_body": {"provider": {"order": ["x"]}}}
    model = {"name": "m", "base_url": bench.endpoint.url, "parameters": parameters}
    bench.model(model=model, max_completion_tokens=7).complete(ask)
    assert bench.endpoint.requests == [
        {
            "model": "m",
            "messages": ask,
            "max_completion_tokens": 7,
            "temperature": 0.5,
            "made_up": 1,
            "provider": {"order": ["x"]},
        }
    ]


def test_the_older_name_of_the_length_takes_the_place_of_the_newer(bench, ask):
    model = {"name": "m", "base_url": bench.endpoint.url, "parameters": {"max_tokens": 9}}
    bench.model(model=model).complete(ask)
    assert bench.endpoint.requests[0]["max_tokens"] == 9
    assert "max_completion_tokens" not in bench.endpoint.requests[0]
