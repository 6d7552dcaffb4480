"""Answers that end before their end are drafts: they are never trusted."""

import json

import pytest
from diffkit_evaluators.llm import Malformed, complete_structured

from diffkit import Record
from diffkit.testing.endpoint import always, calls, in_turn, raw, says


class Grade(Record):
    """A grade."""

    reason: str
    """Why."""
    score: int
    """From 0 to 5."""


DRAFT = '{"reason": "draft", "score": 1}'
RIGHT = '{"reason": "right", "score": 4}'
CALL = '{"tool": "submit_verdict", "arguments": {"change": "none"}}'


def answer(words, **choice):
    message = {"role": "assistant", "content": words, **choice.pop("message", {})}
    return raw(json.dumps({"choices": [{"index": 0, "message": message, **choice}]}))


REASONING = [
    "<think>Perhaps {} but wait",
    "<thinking>\n{}\nno",
    "<thought>{}",
    "[THINK]{} hmm",
    "<|channel|>analysis<|message|>We say {} or",
    "<|start|>assistant<|channel|>analysis<|message|>{}<|end|><|start|>assistant",
    "<|channel|>commentary to=functions.submit_verdict <|constrain|>json<|message|>\n{}",
    "analysisThe claim says {} but",
    "<|channel>thought\n{}",
    "<|START_THINKING|>{}",
    "◁think▷{}",
    "<think>one</think>\n<think>two {}",
]
ENDED = [
    "<think>Perhaps {draft}</think>{right}",
    "Perhaps {draft}</think>\n{right}",
    "[THINK]{draft}[/THINK]{right}",
    "<|channel|>analysis<|message|>{draft}<|end|><|start|>assistant"
    "<|channel|>final<|message|>{right}",
    "analysisWe say {draft}assistantfinal{right}",
    "<|channel>thought\n{draft}<channel|>{right}",
    "<think></think>```json\n{right}\n```",
]


@pytest.mark.parametrize("words", REASONING)
@pytest.mark.parametrize("finish", ["length", "stop", None])
def test_a_draft_within_thoughts_is_no_answer(bench, ask, words, finish):
    draft = answer(words.replace("{}", DRAFT), finish_reason=finish)
    bench.endpoint.script = in_turn(draft, says(RIGHT))
    assert complete_structured(bench.model(), ask, Grade).score == 4
    assert bench.endpoint.calls == 2


@pytest.mark.parametrize("words", ENDED)
def test_what_follows_the_thoughts_is_the_answer(bench, ask, words):
    words = words.replace("{draft}", DRAFT).replace("{right}", RIGHT)
    bench.endpoint.script = always(answer(words, finish_reason="stop"))
    assert complete_structured(bench.model(), ask, Grade).score == 4
    assert bench.endpoint.calls == 1


@pytest.mark.parametrize(
    "choice",
    [
        {"finish_reason": "length"},
        {"finish_reason": "max_tokens"},
        {"finish_reason": "MAX_TOKENS"},
        {"finish_reason": "stop", "stop_reason": "max_tokens"},
        {"finish_reason": "error", "native_finish_reason": "max_output_tokens"},
        {"finish_reason": "model_length"},
    ],
)
def test_a_whole_object_in_an_answer_that_was_cut_off_is_not_trusted(bench, ask, choice):
    cut = answer(f"{DRAFT}\nOn second thoughts", **choice)
    bench.endpoint.script = in_turn(cut, says(RIGHT))
    assert complete_structured(bench.model(), ask, Grade).score == 4
    said = bench.endpoint.requests[-1]["messages"]
    assert "cut off" in said[-1]["content"]
    assert "draft" not in json.dumps(said)


def test_other_words_for_the_end_do_not_cut_an_answer_off(bench, ask):
    for choice in (
        {"finish_reason": "eos_token"},
        {"stop_reason": 151645},
        {"stop_reason": "</s>"},
    ):
        bench.endpoint.script = always(answer(RIGHT, **choice))
        assert complete_structured(bench.model(), ask, Grade).score == 4


def test_a_mark_that_an_answer_quotes_is_no_thought(bench, ask):
    quoting = '{"reason": "It says <think> and [THINK].", "score": 3}'
    bench.endpoint.script = always(says(quoting))
    assert complete_structured(bench.model(), ask, Grade).score == 3


def test_the_outcome_says_that_answers_were_cut_off(bench, ask):
    bench.endpoint.script = always(answer(f"<think>{DRAFT}", finish_reason="length"))
    with pytest.raises(Malformed, match=r"cut off before its end.*Raise max_completion_tokens"):
        complete_structured(bench.model(), ask, Grade)
    assert bench.endpoint.calls == 3


def test_it_is_asked_again_with_more_room_where_nobody_set_the_length(bench, ask):
    bench.endpoint.script = always(answer("<think>", finish_reason="length"))
    with pytest.raises(Malformed):
        complete_structured(bench.model(), ask, Grade, tries=4)
    asked = [one["max_completion_tokens"] for one in bench.endpoint.requests]
    assert asked == [4096, 8192, 16384, 16384]
    name = {"name": "m", "base_url": bench.endpoint.url, "parameters": {"max_tokens": 50}}
    for options in ({"max_completion_tokens": 100}, {"model": name}):
        seen = len(bench.endpoint.requests)
        with pytest.raises(Malformed):
            complete_structured(bench.model(**options), ask, Grade)
        limits = [
            one.get("max_completion_tokens", one.get("max_tokens"))
            for one in bench.endpoint.requests[seen:]
        ]
        assert len(set(limits)) == 1


@pytest.mark.parametrize(
    "words", [f"<think>\n{CALL}\nno, first", f"{CALL}\nbut", f"[THINK]\n{CALL}"]
)
def test_a_call_drafted_in_words_is_not_made(bench, ask, tools, words):
    bench.endpoint.script = always(answer(words, finish_reason="length"))
    reply = bench.model(tool_calls="json").complete(ask, tools=tools)
    assert (reply.tool_calls, reply.cut_off) == ((), True)
    assert "tool" not in json.dumps(reply.message)


def test_a_call_in_an_answer_that_was_cut_off_is_not_made(bench, ask, tools):
    function = {"name": "submit_verdict", "arguments": "{}"}
    message = {"tool_calls": [{"id": "a", "type": "function", "function": function}]}
    bench.endpoint.script = always(answer(None, finish_reason="length", message=message))
    reply = bench.model().complete(ask, tools=tools)
    assert (reply.tool_calls, reply.cut_off) == ((), True)
    bench.endpoint.script = always(calls(("submit_verdict", {})))
    assert bench.model().complete(ask, tools=tools).tool_calls
