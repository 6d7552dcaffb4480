from typing import Annotated, Literal

import pytest
from diffkit_evaluators.llm import ModelFailed, complete_structured
from diffkit_evaluators.llm.request import response_format
from pydantic import Field

from diffkit import Record
from diffkit.testing.endpoint import always, fails, in_turn, says


class Fact(Record):
    reason: str = ""
    """Why."""
    matched: bool
    """Whether the claim says it."""


class Marks(Record):
    facts: tuple[Fact, ...] = Field(min_length=1)


class Told(Record):
    kind: Literal["told"] = "told"


class Asked(Record):
    kind: Literal["asked"] = "asked"


class Free(Record):
    parts: dict[str, float]
    one: Annotated[Told | Asked, Field(discriminator="kind")]


RIGHT = Marks(facts=(Fact(reason="It says so.", matched=True),))
TEXT = RIGHT.model_dump_json()


def test_strict_schemas_ask_for_every_field(bench, ask):
    bench.endpoint.script = always(says(TEXT))
    complete_structured(bench.model(), ask, Marks)
    sent = bench.endpoint.requests[0]["response_format"]["json_schema"]
    assert (sent["name"], sent["strict"]) == ("Marks", True)
    fact = sent["schema"]["$defs"]["Fact"]
    assert fact["required"] == ["reason", "matched"]
    assert "default" not in fact["properties"]["reason"]
    assert fact["properties"]["matched"]["description"] == "Whether the claim says it."
    assert fact["additionalProperties"] is False


def test_schemas_that_strict_decoding_cannot_follow_go_as_they_are():
    sent = response_format(Free)["json_schema"]
    assert (sent["strict"], sent["schema"]) == (False, Free.model_json_schema())


@pytest.mark.parametrize("status", [400, 404, 422])
def test_an_endpoint_without_schemas_is_asked_in_words(bench, ask, status):
    def script(body, number):
        return fails(status) if "response_format" in body else says(TEXT)

    bench.endpoint.script = script
    model = bench.model()
    assert complete_structured(model, ask, Marks) == RIGHT
    assert complete_structured(model, ask, Marks) == RIGHT
    assert bench.endpoint.calls == 3  # it was told once
    (asked,) = bench.endpoint.requests[1]["messages"]
    assert asked["content"].startswith("What differs?\n\nAnswer with one JSON object")
    assert "in words" in bench.events("retry")[0].reason
    assert model.usage.calls == 2


def test_an_endpoint_that_fails_without_schemas_too_fails(bench, ask):
    bench.endpoint.script = in_turn(fails(400, message="no schemas"), fails(400, message="bad"))
    with pytest.raises(ModelFailed, match="HTTP 400: bad"):
        complete_structured(bench.model(), ask, Marks)
