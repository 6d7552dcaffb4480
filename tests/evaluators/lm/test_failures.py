import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from diffkit_evaluators.lm import ModelFailed, Refused
from diffkit_evaluators.lm.failures import retry_after

from diffkit.testing.endpoint import (
    always,
    at_first,
    calls,
    cuts,
    fails,
    in_turn,
    raw,
    refuses,
    says,
    slow,
    trickles,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "fault",
    [
        *(fails(status) for status in (408, 409, 429, 500, 502, 503, 504, 529)),
        cuts(),
        raw("<html>welcome</html>"),
        raw("[]"),
        raw('{"choices": []}'),
        raw('{"choices": [{"message": null}]}'),
        raw('{"error": {"code": 429, "message": "slow down"}}'),
        raw('{"error": "upstream"}'),
        raw('{"choices": [{"error": {"code": 502, "message": "upstream"}}]}'),
    ],
)
def test_what_may_pass_is_asked_again(bench, ask, fault):
    bench.endpoint.script = in_turn(fault, fault, says("Here."))
    assert bench.model(backoff=1).complete(ask).text == "Here."
    first, second = bench.slept
    assert 1 <= first <= 2 <= second <= 3
    assert [(one.call, one.wait) for one in bench.events("retry")] == [(1, first), (1, second)]
    assert [one.kind for one in bench.events()] == ["request", "retry", "retry", "response"]


def test_an_endpoint_that_is_not_there_is_tried_again_and_then_fails(bench, ask):
    model = bench.model(model={"name": "m", "base_url": "http://127.0.0.1:9/v1"}, retries=2)
    with pytest.raises(ModelFailed, match=r"the connection failed: .*refused, 3 times"):
        model.complete(ask)
    assert len(bench.slept) == 2


def test_patience_ends(bench, ask):
    bench.endpoint.script = always(fails(503, message="overloaded"))
    with pytest.raises(ModelFailed, match="HTTP 503: overloaded, 4 times"):
        bench.model(retries=3).complete(ask)
    assert bench.endpoint.calls == 4
    assert bench.events()[-1].text == "The language model failed: HTTP 503: overloaded, 4 times"


def test_waits_grow_and_end_at_two_minutes(bench, ask):
    bench.endpoint.script = always(fails(500))
    with pytest.raises(ModelFailed):
        bench.model(retries=10, backoff=1).complete(ask)
    assert all(2**n <= wait <= 2**n + 1 for n, wait in enumerate(bench.slept[:6]))
    assert bench.slept[-1] == 120


@pytest.mark.parametrize("asked", [7, "7", format_datetime(NOW + timedelta(days=400))])
def test_the_endpoint_may_say_how_long_to_wait(bench, ask, asked):
    bench.endpoint.script = in_turn(fails(429, retry_after=asked), says("Here."))
    bench.model().complete(ask)
    assert bench.slept == [7 if str(asked) == "7" else 120]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("-2", 0),
        ("nan", 0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_waits_are_seconds_or_dates(header, seconds):
    assert retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    "fault",
    [
        *(fails(status) for status in (400, 401, 402, 403, 404, 413, 422)),
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


def test_an_answer_that_takes_too_long_is_given_up(bench, ask):
    bench.endpoint.script = at_first(slow(5, says("Late.")), always(says("In time.")))
    started = time.monotonic()
    assert bench.model(timeout=0.2).complete(ask).text == "In time."
    assert time.monotonic() - started < 2
    assert bench.events("retry")[0].reason == "no answer within 0.2 s"


def test_a_slow_answer_within_the_limit_is_taken(bench, ask):
    bench.endpoint.script = always(slow(0.1, says("Here.")))
    assert bench.model(timeout=5).complete(ask).text == "Here."
    assert bench.events("response")[0].seconds >= 0.1


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


def test_an_answer_that_trickles_in_is_given_up_too(bench, ask):
    bench.endpoint.script = at_first(trickles(500, says("Late.")), always(says("In time.")))
    started = time.monotonic()
    assert bench.model(timeout=0.3).complete(ask).text == "In time."
    assert time.monotonic() - started < 3
    assert bench.events("retry")[0].reason == "no answer within 0.3 s"


def test_spaces_before_an_answer_do_not_matter(bench, ask):
    bench.endpoint.script = always(trickles(3, says("Here.")))
    assert bench.model().complete(ask).text == "Here."
