import pytest
from diffkit_plugins.soft_prompt_kl.data import OWN, prepare_data

from diffkit import Message, RunContext, Text, Texts, UserError


def of(pair, config, context, *texts):
    given = RunContext(context.seed, Texts(items=texts), context.artifacts, context.checkpoints)
    return prepare_data(pair, config, given)


def chat(*turns, category=None):
    roles = ("user", "assistant")
    messages = [Message(role=roles[i % 2], content=turn) for i, turn in enumerate(turns)]
    return Text(messages=tuple(messages), category=category)


def test_nothing_is_in_both_halves(tiny_pair, quick, context):
    found = prepare_data(tiny_pair, quick(source="both"), context)
    assert not {one.ids for one in found.training} & {one.ids for one in found.held_out}
    assert not {one.ids for one in found.texts} & {one.ids for one in found.held_out_texts}
    both = (*found.training, *found.held_out)
    assert [one.number for one in both] == list(range(len(both)))


def test_contexts_are_users_turns_and_documents_first_words(tiny_pair, quick, context):
    texts = (chat("Where is the cat?", "Here."), Text(text="Every morning the baker sells bread."))
    found = of(tiny_pair, quick(own_contexts=0), context, *texts)
    by_kind = {one.category: one for one in (*found.training, *found.held_out)}
    assert by_kind["user's turn"].words == "<|user|>Where is the cat?<|end|><|assistant|>"
    words = by_kind["first words"]
    assert len(words.ids) <= 12
    assert "Every morning the baker sells bread.".startswith(words.words)


def test_a_texts_own_category_is_kept(tiny_pair, quick, context):
    texts = (chat("One?", category="sums"), chat("Two?", category="sums"))
    found = of(tiny_pair, quick(source="texts", own_contexts=0), context, *texts)
    every = (*found.training, *found.held_out, *found.texts, *found.held_out_texts)
    assert [one.category for one in every] == ["sums"] * 4


def test_the_finetuned_side_writes_some_of_them(tiny_pair, quick, context):
    found = prepare_data(tiny_pair, quick(contexts=2, own_contexts=40), context)
    own = [one for one in (*found.training, *found.held_out) if one.category == OWN]
    assert own
    assert all(one.words.startswith("<|user|>") for one in own)
    assert len({one.ids for one in own}) == len(own)


def test_no_more_are_taken_than_asked_for_and_long_ones_are_left_out(tiny_pair, quick, context):
    texts = [chat(f"What is {number}?") for number in range(20)]
    texts += [chat("What is the capital of the island? " * 9)]
    found = of(tiny_pair, quick(contexts=7, own_contexts=0), context, *texts)
    assert (len(found.training), len(found.held_out)) == (4, 3)
    assert max(len(one.ids) for one in (*found.training, *found.held_out)) <= 48


def test_texts_are_read_where_they_are_trained_on_and_only_then(tiny_pair, quick, context):
    assert prepare_data(tiny_pair, quick(), context).texts == ()
    found = prepare_data(tiny_pair, quick(source="texts", contexts=6, max_tokens=4), context)
    every = (*found.texts, *found.held_out_texts)
    assert [one.start for one in every] == [0] * 5
    assert max(len(one.ids) for one in every) == 4


def test_a_text_that_is_there_twice_is_not_in_both_halves(tiny_pair, quick, context):
    words = ["The cat sat."] * 4 + [f"Dog {number} ran." for number in range(8)]
    texts = [Text(text=one) for one in words]
    found = of(tiny_pair, quick(source="texts", contexts=12, own_contexts=0), context, *texts)
    every = [one.ids for one in (*found.texts, *found.held_out_texts)]
    assert len(every) == len(set(every)) == 9


def test_the_seed_deals(tiny_pair, quick, context):
    texts = [Text(text=f"The cat sat on mat {number}.") for number in range(9)]
    dealt = [
        prepare_data(
            tiny_pair,
            quick(own_contexts=0),
            RunContext(seed, Texts(items=tuple(texts)), context.artifacts, context.checkpoints),
        )
        for seed in (0, 0, 1)
    ]
    assert dealt[0] == dealt[1] != dealt[2]


@pytest.mark.parametrize("texts", [(), (Text(text="One."),)])
def test_too_few_texts_are_an_error_with_a_cure(tiny_pair, quick, context, texts):
    with pytest.raises(UserError, match="nothing to hold out") as error:
        of(tiny_pair, quick(own_contexts=0), context, *texts)
    assert "more texts" in error.value.hint
