import pytest
from diffkit_evaluators.llm import CapReached

from diffkit import ChatSession, UserError
from diffkit.testing.endpoint import always, raw, says, uncounted

COUNTED = '{"model": "served", "choices": [{"message": {"content": "x"}}], "usage": %s}'


def _counts(prompt, completion):
    usage = f'{{"prompt_tokens": {prompt}, "completion_tokens": {completion}}}'
    return always(raw(COUNTED % usage))


def test_tokens_are_those_that_the_endpoint_counts(bench, ask):
    bench.endpoint.script = _counts(30, 4)
    model = bench.model()
    assert (model.usage.calls, model.usage.prompt_tokens) == (0, 0)
    model.complete(ask)
    model.complete(ask)
    assert (model.usage.prompt_tokens, model.usage.completion_tokens) == (60, 8)
    assert model.usage == bench.chat.usage["investigator"]


def test_what_was_served_is_kept_in_its_order(bench, ask):
    model = bench.model()
    for served in ('"model": "b"', '"model": "a", "provider": "P"', '"model": "b"', '"id": "x"'):
        bench.endpoint.script = always(raw(f'{{{served}, "choices": [{{"message": {{}}}}]}}'))
        model.complete(ask)
    assert (model.usage.model, model.usage.served) == ("m", ("b", "a at P"))


def test_an_unknown_price_is_no_price_of_zero(bench, ask):
    model = bench.model()
    assert model.usage.cost is None
    model.complete(ask)
    assert model.usage.cost is None
    assert bench.events("response")[0].cost is None


def test_costs_are_added_up_at_the_price_of_the_name_as_asked(bench, ask, prices):
    bench.chat.prices = prices
    bench.endpoint.script = _counts(3, 5)
    model = bench.model()
    assert model.usage.cost == 0
    model.complete(ask)
    model.complete(ask)
    assert model.usage.cost == 2 * (3 * 1 + 5 * 2)
    assert bench.events("response")[0].cost == 13


def test_remembered_answers_count_and_cost_as_they_did(bench, ask, prices):
    bench.chat.prices = prices
    first = bench.model()
    first.complete(ask)
    used = first.usage
    bench.fresh(prices=prices)
    again = bench.model()
    again.complete(ask)
    assert again.usage == used.model_copy(update={"remembered": 1})


def test_uncounted_tokens_make_the_cost_unknown_and_are_said_to_be(bench, ask, prices):
    bench.chat.prices = prices
    model = bench.model()
    model.complete(ask)
    bench.endpoint.script = always(uncounted(says("x")))
    model.complete(ask)
    assert model.usage.cost is None
    bench.endpoint.script = _counts(1, 1)
    model.complete(ask)
    assert model.usage.cost is None
    assert "did not count" in bench.events("remark")[0].text


@pytest.mark.parametrize("cap", [{"max_tokens": 1000}, {"max_dollars": 1000.0}])
def test_a_cap_that_cannot_be_kept_for_want_of_counts_is_refused(bench, ask, prices, cap):
    bench.chat.prices = prices
    bench.endpoint.script = always(uncounted(says("x")))
    model = bench.model(**cap)
    model.complete(ask)
    with pytest.raises(UserError, match="token counts"):
        model.complete(ask)


def test_a_cap_on_dollars_without_a_price_is_refused_before_the_first_call(bench, ask):
    with pytest.raises(UserError, match="--prices FILE"):
        bench.model(max_dollars=1).complete(ask)
    assert bench.endpoint.calls == 0


@pytest.mark.parametrize(
    ("cap", "calls", "said"),
    [
        ({"max_calls": 2}, 2, "2 calls"),
        ({"max_tokens": 17}, 3, "17 tokens"),
        ({"max_tokens": 16}, 2, "16 tokens"),
        ({"max_dollars": 26.0}, 2, "$26.00"),
        ({"max_dollars": 27.0}, 3, "$27.00"),
    ],
)
def test_a_cap_that_is_spent_ends_the_asking(bench, ask, prices, *, cap, calls, said):
    bench.chat.prices = prices
    bench.endpoint.script = _counts(3, 5)
    model = bench.model(**cap)
    for _ in range(calls):
        model.complete(ask)
    with pytest.raises(CapReached, match="is spent") as raised:
        model.complete(ask)
    assert said in raised.value.what
    assert bench.endpoint.calls == calls


def test_caps_are_those_of_the_role_in_the_talk(bench, ask):
    bench.model(max_calls=2).complete(ask)
    bench.model(max_calls=2).complete(ask)
    with pytest.raises(CapReached):
        bench.model(max_calls=2).complete(ask)
    bench.chat = ChatSession()
    bench.model(max_calls=2).complete(ask)


def test_what_is_afforded_is_told_by_the_dearest_call(bench, ask, prices):
    bench.chat.prices = prices
    model = bench.model(max_calls=9, max_tokens=100, max_dollars=100.0)
    assert model.can_afford(9)
    assert not model.can_afford(10)
    bench.endpoint.script = _counts(20, 10)
    model.complete(ask)
    bench.endpoint.script = _counts(10, 0)
    model.complete(ask)
    assert (model.can_afford(1), model.can_afford(2)) == (True, False)  # 2 × 30 tokens, 40 are used


def test_dollars_alone_may_be_what_is_not_afforded(bench, ask, prices):
    bench.chat.prices = prices
    bench.endpoint.script = _counts(0, 20)
    model = bench.model(max_dollars=100.0)
    model.complete(ask)
    assert model.can_afford(1)
    assert not model.can_afford(2)


def test_what_is_left_is_said_in_words(bench, ask, prices):
    bench.chat.prices = prices
    bench.endpoint.script = _counts(3, 5)
    model = bench.model(max_calls=1200, max_tokens=5000, max_dollars=20.0)
    model.complete(ask)
    assert model.remaining == "1,199 of 1,200 calls, 4,992 of 5,000 tokens, $7.00 of $20.00"
    assert bench.model(max_calls=3).remaining == "2 of 3 calls"
