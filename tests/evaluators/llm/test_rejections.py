import pytest
from diffkit_evaluators.llm import ModelFailed, Refused

from diffkit.testing.endpoint import always, calls, fails, in_turn, raw, refuses


@pytest.mark.parametrize(
    "fault",
    [
        *(fails(status) for status in (401, 402, 403, 404, 405, 413)),
        fails(429, code="insufficient_quota"),
    ],
)
def test_what_will_not_pass_is_not_asked_again(bench, ask, fault):
    bench.endpoint.script = always(fault)
    with pytest.raises(ModelFailed, match=f"HTTP {fault.status}: scripted error"):
        bench.model().complete(ask)
    assert (bench.endpoint.calls, bench.slept) == (1, [])


def test_a_reason_is_one_line(bench, ask):
    bench.endpoint.script = always(fails(400, message="No\nsuch\x1b[2J " + "thing " * 1000))
    with pytest.raises(ModelFailed) as raised:
        bench.model().complete(ask)
    assert raised.value.what.startswith("HTTP 400: No such [2J thing")
    assert len(raised.value.what) < 400
    assert raised.value.what.isprintable()


def test_a_refusal_is_part_of_the_reply(bench, ask):
    bench.endpoint.script = always(refuses("I will not."))
    reply = bench.model().complete(ask)
    assert (reply.refusal, reply.text, reply.finish) == ("I will not.", "", "content_filter")


def test_a_filter_that_says_nothing_is_a_refusal_too(bench, ask):
    choice = '{"message": {"content": null}, "finish_reason": "content_filter"}'
    bench.endpoint.script = always(raw(f'{{"choices": [{choice}]}}'))
    assert "content_filter" in bench.model().complete(ask).refusal


@pytest.mark.parametrize(
    "fault",
    [fails(400, code="content_filter"), fails(403, message="Your input was flagged (moderation).")],
)
def test_an_endpoint_that_will_not_pass_the_question_on_refuses(bench, ask, fault):
    bench.endpoint.script = always(fault)
    with pytest.raises(Refused, match=f"HTTP {fault.status}"):
        bench.model().complete(ask)


def test_an_endpoint_without_tools_is_told_of_the_other_way(bench, ask, tools):
    for status in (400, 404, 422):
        bench.endpoint.script = always(fails(status))
        with pytest.raises(ModelFailed, match="tool_calls=json"):
            bench.model().complete(ask, tools=tools)
    with pytest.raises(ModelFailed) as raised:
        bench.model().complete(ask)
    assert "tool_calls" not in raised.value.what


def test_an_endpoint_that_took_tools_before_fails_for_another_reason(bench, ask, tools):
    bench.endpoint.script = in_turn(calls(("ask_models", {})), fails(400, message="too long"))
    model = bench.model()
    model.complete(ask, tools=tools)
    with pytest.raises(ModelFailed) as raised:
        model.complete(ask, tools=tools)
    assert raised.value.what == "HTTP 400: too long"
