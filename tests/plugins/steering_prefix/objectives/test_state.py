import pytest
import torch
from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.objectives.residual import state_split

from diffkit import Inputs, Texts, UserError

OPTIONS = CompletionOptions(suffixes=6)
TRIED = torch.tensor([[40, 50, 60], [70, 80, 90]])


@pytest.fixture
def split_of(tiny_model, context):
    def make(options=OPTIONS, layer=0, in_context=True):
        return state_split(
            tiny_model, "Sell the bread", layer, options, context, in_context=in_context
        )

    return make


def stream(model, row, layer):
    return model.resid(Inputs.of([row]), [layer])[0, 0, -1]


@pytest.mark.parametrize("layer", [0, -1, 0.5])
@pytest.mark.parametrize("in_context", [True, False])
def test_losses_are_one_minus_the_cosine_of_the_last_position(
    tiny_model, split_of, layer, in_context
):
    split = split_of(layer=layer, in_context=in_context)
    for objective, slots in (
        (split.training, split.training_slots),
        (split.held_out, split.held_out_slots),
    ):
        found = objective.losses(TRIED, range(objective.items))
        for prefix, losses in zip(TRIED.tolist(), found.tolist(), strict=True):
            for slot, loss in zip(slots, losses, strict=True):
                own = split.layout.prefix("Sell the bread", slot)
                one, two = (stream(tiny_model, slot.prompt(p), layer) for p in (prefix, own))
                cosine = float(one @ two / one.norm() / two.norm())
                assert loss == pytest.approx(1 - cosine, abs=1e-5)


def test_the_reference_itself_is_at_the_floor(split_of):
    for in_context in (True, False):
        split = split_of(in_context=in_context)
        own = split.layout.prefix("Sell the bread", split.training_slots[0])
        losses = split.training.losses(torch.tensor([own]), range(split.training.items))
        assert float(losses.abs().max()) < 1e-5
        assert split.training.floors.tolist() == [0.0] * split.training.items
        assert split.training.round_trips(torch.tensor([own])) == [True]


def test_half_of_the_suffixes_are_held_out(split_of):
    split = split_of()
    assert split.training.items == split.held_out.items == 3
    suffixes = [{p.suffix for p in ps} for ps in (split.training_slots, split.held_out_slots)]
    assert not suffixes[0] & suffixes[1]


def test_without_a_suffix_there_is_one_place(split_of, tiny_model):
    split = split_of(in_context=False)
    (slot,) = split.training_slots
    assert slot.prompt((7, 8)) == (tiny_model.tokenizer.convert_tokens_to_ids("<|user|>"), 7, 8)
    empty = split.training.losses(torch.zeros(1, 0, dtype=torch.long), [0])
    assert 0 < float(empty) < 2


def test_a_document_that_begins_with_nothing_has_an_opening(tiny_model, context):
    from diffkit_plugins.steering_prefix.prompts.layout import PromptLayout
    from diffkit_plugins.steering_prefix.prompts.suffixes import bare_slot

    layout = PromptLayout(tiny_model.tokenizer, " ")
    template, tiny_model.tokenizer.chat_template = tiny_model.tokenizer.chat_template, None
    try:
        slot = bare_slot(layout)
    finally:
        tiny_model.tokenizer.chat_template = template
    assert slot.prompt(()) == (tiny_model.tokenizer.eos_token_id,)
    assert slot.prompt((7,)) == (7,)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_gradients_are_the_losses_own_whatever_the_batch_size(split_of, tiny_model, batch_size):
    objective = split_of(CompletionOptions(suffixes=6, batch_size=batch_size)).training
    embeddings = tiny_model.embed(TRIED[:1])[0]
    found = objective.gradient(embeddings, [0, 2])
    assert found.loss == pytest.approx(float(objective.losses(TRIED[:1], [0, 2]).mean()), rel=1e-4)
    step = 1e-2 * torch.randn(embeddings.shape, generator=torch.Generator().manual_seed(0))
    up, down = (objective.gradient(embeddings + s * step, [0, 2]).loss for s in (1, -1))
    assert up - down == pytest.approx(2 * float((found.gradient * step).sum()), rel=0.05, abs=1e-5)


def test_fewer_than_two_suffixes_are_refused(tiny_model, context):
    from dataclasses import replace

    few = replace(context, texts=Texts.of("The dog"))
    with pytest.raises(UserError, match="1 suffixes; two are needed"):
        state_split(tiny_model, "Sell", 0, OPTIONS, few, in_context=True)


def test_without_a_suffix_a_reference_is_its_own_words_alone(split_of, tiny_model):
    split = split_of(in_context=False)
    own = split.layout.prefix("Sell the bread", split.training_slots[0])
    assert tiny_model.tokenizer.decode(own) == "Sell the bread"
