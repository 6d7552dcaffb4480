import pytest
from diffkit_evaluators.llm import (
    LanguageModel,
    Malformed,
    ModelFailed,
    Refused,
    complete_structured,
)

from diffkit import ChatSession, Record
from diffkit.testing.endpoint import always, at_first, cuts, fails, in_turn, refuses, says

NUMBERED = in_turn(*(says(str(number)) for number in range(1, 20)))


class Level(Record):
    """A level."""

    level: int
    """From 0."""


RIGHT = says('{"level": 3}')


def test_what_was_cut_off_goes_on_from_memory(bench, ask):
    bench.endpoint.script = NUMBERED
    first = bench.model()
    said = [first.complete(ask).text for _ in range(3)]
    used = first.usage
    bench.fresh()
    again = bench.model()
    assert [again.complete(ask).text for _ in range(4)] == [*said, "4"]
    assert bench.endpoint.calls == 4
    assert again.usage.calls == 4
    assert again.usage.remembered == 3
    assert again.usage.prompt_tokens > used.prompt_tokens


def test_asking_the_same_again_is_another_draw(bench, ask):
    bench.endpoint.script = NUMBERED
    model = bench.model()
    assert [model.complete(ask).text for _ in range(3)] == ["1", "2", "3"]


def test_another_object_in_the_same_talk_asks_again_too(bench, ask):
    bench.endpoint.script = NUMBERED
    assert [bench.model().complete(ask).text for _ in range(3)] == ["1", "2", "3"]
    assert bench.chat.usage["investigator"].calls == 3


def test_repeats_do_not_share_answers(bench, ask):
    bench.endpoint.script = NUMBERED
    bench.model().complete(ask)
    bench.fresh(repeat=1)
    assert bench.model().complete(ask).text == "2"
    bench.fresh(repeat=0)
    assert bench.model().complete(ask).text == "1"


def test_attempts_at_two_pairs_do_not_share_answers(bench, ask):
    bench.endpoint.script = NUMBERED
    for about, said in (("first", "1"), ("second", "2"), ("first", "1")):
        bench.fresh(owner_digest=about)
        assert bench.model().complete(ask).text == said


def test_roles_do_not_share_answers(bench, ask):
    bench.endpoint.script = NUMBERED
    investigator = bench.model()
    grader = LanguageModel(investigator.config, "grader", bench.chat)
    assert (investigator.complete(ask).text, grader.complete(ask).text) == ("1", "2")


def test_whatever_changes_the_question_is_another_question(bench, ask):
    bench.endpoint.script = NUMBERED
    bench.model().complete(ask)
    bench.fresh()
    assert bench.model(max_completion_tokens=9).complete(ask).text == "2"
    bench.fresh()
    assert bench.model().complete([*ask, *ask]).text == "3"
    bench.fresh()
    assert bench.model(timeout=9, connections=1, retries=0).complete(ask).text == "1"


def test_an_endpoint_at_another_address_is_asked_itself(bench, ask):
    bench.endpoint.script = NUMBERED
    bench.model().complete(ask)
    bench.fresh()
    elsewhere = {"name": "m", "base_url": bench.endpoint.url.replace("127.0.0.1", "localhost")}
    assert bench.model(model=elsewhere).complete(ask).text == "2"


def test_memory_may_be_left_out_and_is_filled_even_so(bench, ask):
    bench.endpoint.script = NUMBERED
    bench.model().complete(ask)
    bench.fresh()
    assert bench.model(remember=False).complete(ask).text == "2"
    bench.fresh()
    assert bench.model().complete(ask).text == "2"


def test_failures_are_not_remembered(bench, ask):
    bench.endpoint.script = at_first(fails(400), at_first(cuts(), always(says("Here."))))
    with pytest.raises(ModelFailed):
        bench.model().complete(ask)
    bench.fresh()
    assert bench.model().complete(ask).text == "Here."
    assert bench.chat.usage["investigator"].remembered == 0
    bench.fresh()
    assert bench.model().complete(ask).text == "Here."
    assert bench.chat.usage["investigator"].remembered == 1


def test_a_failure_on_the_way_does_not_lose_what_came_after(bench, ask):
    bench.endpoint.script = in_turn(says("1"), fails(400), says("2"), says("3"))
    model = bench.model()
    assert model.complete(ask).text == "1"
    with pytest.raises(ModelFailed):
        model.complete(ask)
    assert model.complete(ask).text == "2"
    bench.fresh()
    again = bench.model()
    assert [again.complete(ask).text for _ in range(2)] == ["1", "2"]


def test_without_a_memory_nothing_is_kept(bench, ask):
    bench.endpoint.script = NUMBERED
    bench.chat = ChatSession()
    bench.model().complete(ask)
    bench.chat = ChatSession()
    assert bench.model().complete(ask).text == "2"


@pytest.mark.parametrize(("fault", "ends"), [(says("Hm."), Malformed), (refuses(), Refused)])
def test_what_was_rejected_is_asked_again_and_heals(bench, ask, fault, ends):
    bench.endpoint.script = always(fault)
    with pytest.raises(ends):
        complete_structured(bench.model(), ask, Level)
    bench.endpoint.script = always(RIGHT)
    for remembered in (0, 1):
        bench.fresh()
        assert complete_structured(bench.model(), ask, Level).level == 3
        assert bench.chat.usage["investigator"].remembered == remembered


def test_what_was_accepted_before_a_rejection_stays_remembered(bench, ask):
    bench.endpoint.script = in_turn(RIGHT, *[says("Hm.")] * 3, says('{"level": 4}'))
    model = bench.model()
    complete_structured(model, ask, Level)
    with pytest.raises(Malformed):
        complete_structured(model, ask, Level)
    bench.fresh()
    again = bench.model()
    assert [complete_structured(again, ask, Level).level for _ in range(2)] == [3, 4]
    assert again.usage.remembered == 1


def test_an_answer_that_came_from_memory_is_disowned_too(bench, ask):
    bench.endpoint.script = NUMBERED
    bench.model().complete(ask)
    for said in ("1", "2"):
        bench.fresh()
        model = bench.model()
        assert model.complete(ask).text == said
        model.discard_last()


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"a": 1},
        {"choices": []},
        {"choices": {}},
        {"choices": ["Here."]},
        {"choices": [{"message": "Here."}]},
        {"choices": [{"text": "Here."}]},
        ["Here."],
    ],
)
def test_what_is_kept_and_is_no_answer_is_asked_again_and_replaced(bench, ask, kept):
    bench.endpoint.script = NUMBERED
    bench.model().complete(ask)
    (key,) = bench.chat.cache
    bench.chat.cache[key] = kept
    for remembered in (0, 1):
        bench.fresh()
        assert bench.model().complete(ask).text == "2"
        assert bench.chat.usage["investigator"].remembered == remembered
