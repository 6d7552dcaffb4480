import torch
from diffkit_plugins.soft_prompt_kl.data import Passage, PromptContext
from diffkit_plugins.soft_prompt_kl.generation import complete
from diffkit_plugins.soft_prompt_kl.prediction import prompted_contexts, prompted_passages
from diffkit_plugins.soft_prompt_kl.training.batches import batches, draw_round, seeded_generator

from diffkit import Inputs

CONTEXTS = [
    PromptContext(ids, "", "some", number) for number, ids in enumerate([(5, 6), (7, 8, 9), (5,)])
]


def soft(model, length=2):
    return torch.randn(length, model.d_model, generator=seeded_generator("prompt"))


def greedy(model, embeds, count):
    """Token after token, the whole row read anew each time."""
    found = []
    for _ in range(count):
        mask = torch.ones(1, len(embeds), dtype=torch.bool)
        logits = model.logits(Inputs(mask, embeds=embeds[None]), 1)[0, 0, : model.vocabulary]
        token = int(logits.argmax())
        if token in model.eos_ids:
            break
        found.append(token)
        embeds = torch.cat([embeds, model.embed(torch.tensor([[token]]))[0]])
    return tuple(found)


def test_the_prompt_stands_before_each_row_wherever_it_is_padded(tiny_model):
    prompt = soft(tiny_model)
    passages = [Passage(one.ids, 0, "some") for one in CONTEXTS]
    right, left = (
        prompted_passages(tiny_model, prompt, passages),
        prompted_contexts(tiny_model, prompt, CONTEXTS),
    )
    for row, one in enumerate(CONTEXTS):
        expected = torch.cat([prompt, tiny_model.embed(torch.tensor([one.ids]))[0]])
        for inputs in (right, left):
            torch.testing.assert_close(inputs.embeds[row, inputs.mask[row]], expected)
    assert right.mask[:, 0].all()
    assert left.mask[:, -1].all()


def test_without_a_prompt_rows_are_tokens(tiny_model):
    inputs = prompted_passages(
        tiny_model, None, [Passage((5, 6), 0, "some"), Passage((7,), 0, "some")]
    )
    assert inputs.embeds is None
    assert inputs.ids[inputs.mask].tolist() == [5, 6, 7]


def test_completions_are_those_of_rows_read_one_by_one(tiny_pair, quick):
    side, prompt = tiny_pair.finetuned, soft(tiny_pair.base)
    completions = complete(side, prompt, CONTEXTS, quick(temperature=0.0), 0, tiny_pair.vocabulary)
    for one, passage in zip(CONTEXTS, completions, strict=True):
        embeds = torch.cat([prompt, side.embed(torch.tensor([one.ids]))[0]])
        assert passage.ids == one.ids + greedy(side, embeds, 4)
        assert passage.start == len(one.ids)
        assert passage.words == side.tokenizer.decode(
            passage.ids[passage.start :], skip_special_tokens=True
        )
        assert passage.context is one


def test_draws_depend_on_seed_and_number_and_not_on_the_batch(tiny_pair, quick):
    side, vocabulary = tiny_pair.finetuned, tiny_pair.vocabulary
    together = complete(side, None, CONTEXTS, quick(), 0, vocabulary)
    apart = complete(side, None, CONTEXTS, quick(micro_batch=1), 0, vocabulary)
    assert together == apart
    assert complete(side, None, CONTEXTS, quick(), 1, vocabulary) != together
    renumbered = complete(side, None, CONTEXTS, quick(), 0, vocabulary, numbers=[0, 1, 7])
    assert renumbered[:2] == together[:2]
    assert renumbered[2] != together[2]


def test_tokens_that_one_side_lacks_are_never_said(resized_pair, quick):
    side = resized_pair.finetuned
    completions = complete(side, None, CONTEXTS, quick(), 0, resized_pair.vocabulary)
    assert any(len(one.ids) > one.start for one in completions)
    assert max(max(one.ids) for one in completions) < resized_pair.vocabulary < side.vocabulary


def test_held_out_draws_stay_and_training_draws_are_new_in_each_round(task):
    given = task()
    prompt = soft(given.pair.base)
    one, other = (draw_round(given, prompt, key) for key in (0, 1))
    assert one.held_out == other.held_out
    assert one.training != other.training
    assert {p.context for pool in one.held_out for p in pool} <= set(given.data.held_out)


def test_sources_decide_what_is_read(task):
    def kinds(source):
        given = task(source=source)
        found = draw_round(given, soft(given.pair.base), 0)
        return [{p.context is not None for p in pool} for pool in found.training if pool]

    assert kinds("completions") == [{True}]
    assert kinds("texts") == [{False}]
    assert kinds("both") == [{True}, {False}]


def test_batches_take_turns_and_read_each_pool_whole_before_anew():
    pools = [[Passage((n,), 0, "a") for n in range(5)], [], [Passage((9,), 0, "b")]]
    drawn = batches(pools, 2, "key")
    first = [next(drawn) for _ in range(6)]
    assert [len(one) for one in first] == [2, 1, 2, 1, 1, 1]
    assert sorted(p.ids[0] for one in first[::2] for p in one) == [0, 1, 2, 3, 4]
    again = batches(pools, 2, "key")
    assert [next(again) for _ in range(6)] == first


def test_where_nothing_counts_batches_are_empty():
    drawn = batches([[], []], 2, "key")
    assert [next(drawn) for _ in range(3)] == [[], [], []]
