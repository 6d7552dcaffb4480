import json

import pytest
from diffkit_evaluators.llm import CapReached, Malformed, Refused, complete_structured
from pydantic import Field

from diffkit import Record
from diffkit.testing.endpoint import always, empty, in_turn, raw, refuses, says


class Fact(Record):
    """A key fact."""

    reason: str = ""
    """Why."""
    matched: bool
    """Whether the claim says it."""


class Marks(Record):
    """Marks of a claim."""

    facts: tuple[Fact, ...] = Field(min_length=1)
    """Fact by fact."""
    score: int = Field(ge=0, le=5)
    """From 0 to 5."""


RIGHT = Marks(facts=(Fact(reason="It says so.", matched=True),), score=4)
TEXT = RIGHT.model_dump_json()


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"```json\n{TEXT}\n```",
        f"Here it is:\n```\n{TEXT}\n```\nI hope that {{helps}}.",
        f"The claim says {{nothing}}. {TEXT}",
        f'<think>First {{"score": 1}}, or {TEXT.replace("4", "2")}</think>{TEXT}',
        f"It quotes {TEXT.replace('4', '5')}, but my answer is {TEXT}",
        json.dumps(json.loads(TEXT), indent=2).replace(" so", " \\u0073o"),
    ],
)
def test_the_answer_is_found_in_what_stands_around_it(bench, ask, text):
    bench.endpoint.script = always(says(text))
    assert complete_structured(bench.model(), ask, Marks) == RIGHT
    assert bench.endpoint.calls == 1


def test_thoughts_may_end_within_the_answer(bench, ask):
    quoting = RIGHT.model_copy(update={"facts": (Fact(reason="Says </think>.", matched=True),)})
    bench.endpoint.script = always(says(f"<think>Hm.</think>{quoting.model_dump_json()}"))
    assert complete_structured(bench.model(), ask, Marks) == quoting


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the answer is empty"),
        ("I would say four.", "there is no JSON object"),
        (TEXT[:-5], "facts: Field required"),
        ('{"facts": [], "score": 9}', "score: Input should be less than or equal to 5"),
        ('{"facts": [{"matched": "perhaps"}], "score": 3}', "facts.0.matched: Input should be"),
        (TEXT.replace("4", '4, "bonus": 1'), "bonus: Extra inputs are not permitted"),
        ('{"a":' * 20_000, "there is no JSON object"),
    ],
)
def test_what_is_wrong_is_told_and_asked_again(bench, ask, text, complaint):
    bench.endpoint.script = in_turn(says(text), says(TEXT))
    assert complete_structured(bench.model(), ask, Marks) == RIGHT
    first, second = (one["messages"] for one in bench.endpoint.requests)
    assert second[: len(first)] == first
    assert second[-2] == {"role": "assistant", "content": text}
    assert complaint in second[-1]["content"]
    assert "JSON Schema" in second[-1]["content"]


def test_an_answer_that_was_cut_off_is_asked_to_be_shorter(bench, ask):
    cut = {"message": {"content": TEXT[:20]}, "finish_reason": "length"}
    bench.endpoint.script = in_turn(raw(json.dumps({"choices": [cut]})), says(TEXT))
    complete_structured(bench.model(), ask, Marks)
    assert "be shorter" in bench.endpoint.requests[1]["messages"][-1]["content"]


@pytest.mark.parametrize(("tries", "calls"), [(1, 1), (3, 3)])
def test_patience_with_nonsense_ends(bench, ask, tries, calls):
    bench.endpoint.script = in_turn(says("{}"), says("no"), says('{"facts": 1, "score": 1}'))
    with pytest.raises(Malformed, match=f"No answer of {tries} fits Marks"):
        complete_structured(bench.model(), ask, Marks, tries=tries)
    assert bench.endpoint.calls == calls


def test_nothing_that_was_written_is_in_the_error(bench, ask):
    bench.endpoint.script = always(says('{"facts": "organism-7", "score": 1, "organism-7": 2}'))
    with pytest.raises(Malformed) as raised:
        complete_structured(bench.model(), ask, Marks, tries=1)
    assert "facts: Input should be a valid" in raised.value.what


def test_a_refusal_is_not_asked_again(bench, ask):
    bench.endpoint.script = always(refuses("I will\nnot. " + "Never. " * 99))
    with pytest.raises(Refused, match=r"^I will not\. [Never. ]{150,200}$"):
        complete_structured(bench.model(), ask, Marks)
    assert bench.endpoint.calls == 1


def test_a_cap_ends_it(bench, ask):
    bench.endpoint.script = always(empty())
    with pytest.raises(CapReached):
        complete_structured(bench.model(max_calls=2), ask, Marks)


def test_half_a_surrogate_pair_in_an_answer_can_be_written(bench, ask):
    bench.endpoint.script = always(says(TEXT.replace("It says", "\\ud800 says")))
    found = complete_structured(bench.model(), ask, Marks)
    assert found.facts[0].reason == "� says so."
