import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from diffkit_evaluators.llm import ModelFailed
from diffkit_evaluators.llm.errors import retry_after

from diffkit.testing.endpoint import (
    always,
    at_first,
    cuts,
    fails,
    in_turn,
    raw,
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
        raw(""),
        raw('{"choices": [{"mess'),
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


def test_an_answer_that_trickles_in_is_given_up_too(bench, ask):
    bench.endpoint.script = at_first(trickles(500, says("Late.")), always(says("In time.")))
    started = time.monotonic()
    assert bench.model(timeout=0.3).complete(ask).text == "In time."
    assert time.monotonic() - started < 3
    assert bench.events("retry")[0].reason == "no answer within 0.3 s"


def test_spaces_before_an_answer_do_not_matter(bench, ask):
    bench.endpoint.script = always(trickles(3, says("Here.")))
    assert bench.model().complete(ask).text == "Here."
