from operator import attrgetter

import pytest
import torch

from diffkit.engine import Inputs
from diffkit.engine.generation import CachedDecoding, generate_batch
from diffkit.errors import UserError
from diffkit.sampling import Sampling
from diffkit.texts import Message, Text

from .adapters import arguments, make_adapter, pair_of, plain
from .conftest import make_model
from .test_breadth import ARCHITECTURES, TIED

GREEDY = Sampling(max_new_tokens=6, stop_at_eos=False)


@pytest.fixture(scope="module", params=["qwen3", "gpt_neox"])
def pair(bases, tmp_path_factory, request):
    kind = request.param
    folder = tmp_path_factory.mktemp("adapters") / "a"
    return pair_of(bases[kind], make_adapter(bases[kind], folder, kind))


@pytest.fixture(scope="module", params=["base", "finetuned"])
def model(pair, request):
    return getattr(pair, request.param)


def hooked(model, inputs):
    """Every block's output, by plain hooks."""
    outputs = []
    with model.active() as module:
        hooks = [
            block.register_forward_hook(lambda _m, _a, out: outputs.append(out))
            for block in model.network.blocks
        ]
        module(**arguments(inputs))
        for hook in hooks:
            hook.remove()
    return torch.stack(outputs)


def test_properties(model):
    assert (model.layers, model.d_model, model.vocab_rows, model.vocabulary) == (4, 32, 32, 25)
    assert model.dtype == torch.float32
    assert model.device.type == "cpu"


def test_left_and_right_padding_agree_at_real_tokens(model, texts):
    left = model.inputs(texts, max_tokens=16, padding="left")
    right = model.inputs(texts, max_tokens=16, padding="right")
    assert not torch.equal(left.mask, right.mask)
    for read in (model.logits, lambda i: torch.cat(list(model.resid(i, [0, -1])), dim=-1)):
        torch.testing.assert_close(
            read(left)[left.mask], read(right)[right.mask], atol=1e-5, rtol=1e-5
        )


def test_a_row_alone_agrees_with_the_row_in_a_batch(model, texts):
    together = model.inputs(texts, max_tokens=16)
    for row, text in enumerate(texts):
        alone = model.inputs([text], max_tokens=16)
        there = model.logits(together)[row][together.mask[row]]
        torch.testing.assert_close(model.logits(alone)[0], there, atol=1e-5, rtol=1e-5)


def test_resid_equals_plain_hooks_in_the_order_asked_for(model, texts):
    inputs = model.inputs(texts, max_tokens=16)
    expected = hooked(model, inputs)
    assert torch.equal(model.resid(inputs, [2, 0, -1, 0.5]), expected[[2, 0, 3, 2]])


def test_resid_stops_at_the_deepest_layer(model, texts):
    ran = []
    hook = model.network.blocks[2].register_forward_hook(lambda *_: ran.append(1))
    model.resid(model.inputs(texts, max_tokens=8), [0, 1])
    hook.remove()
    assert not ran


def test_unembedding_the_last_residual_gives_the_logits(model, texts):
    inputs = model.inputs(texts, max_tokens=16)
    (last,) = model.resid(inputs, [1.0])
    torch.testing.assert_close(model.unembed(last), model.logits(inputs))


@pytest.mark.parametrize("keep", [1, 99, slice(1, 4), None])
def test_projected_states_are_the_logits(model, texts, keep):
    inputs = model.inputs(texts, max_tokens=16)
    states = model.final_states(inputs, keep)
    assert states.shape[-1] == model.d_model
    torch.testing.assert_close(model.project(states), model.logits(inputs, keep))
    torch.testing.assert_close(model.project(states[0, 0]), model.logits(inputs, keep)[0, 0])


@pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to:UserWarning")  # in peft
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_projected_states_are_the_logits_in_every_architecture(tmp_path, texts, kind):
    base = make_model(tmp_path / "base", kind, tied=kind in TIED)
    pair = pair_of(base, make_adapter(base, tmp_path / "adapter", kind))
    inputs = pair.base.inputs(texts, max_tokens=16)
    for side in (pair.base, pair.finetuned):
        torch.testing.assert_close(side.project(side.final_states(inputs)), side.logits(inputs))


def test_states_see_edits_and_carry_gradients(model, texts):
    inputs = model.inputs(texts, max_tokens=16)
    before = model.final_states(inputs)
    assert not before.requires_grad
    leaf = model.embed(inputs.ids).requires_grad_()
    with model.edit(1, lambda hidden: hidden * 1.5):
        states = model.final_states(inputs.with_embeds(leaf))
        torch.testing.assert_close(model.project(states), model.logits(inputs.with_embeds(leaf)))
    assert (states - before).abs().max() > 1e-3
    (through,) = torch.autograd.grad(model.project(states).square().sum(), leaf)
    assert through.abs().max() > 0
    assert not any(p.requires_grad for p in model.network.module.parameters())


@pytest.mark.parametrize("keep", [1, 3, 99, slice(1, 4), slice(None, None, 2), None])
def test_logits_are_those_of_the_kept_positions(model, texts, keep):
    inputs = model.inputs(texts, max_tokens=16)
    full = model.logits(inputs)
    place = slice(max(full.shape[1] - keep, 0), None) if isinstance(keep, int) else keep
    torch.testing.assert_close(
        model.logits(inputs, keep), full if place is None else full[:, place]
    )


def test_embeddings_give_the_same_logits_as_ids(model, texts):
    inputs = model.inputs(texts, max_tokens=16)
    embedded = inputs.with_embeds(model.embed(inputs.ids))
    assert torch.equal(model.logits(embedded), model.logits(inputs))


def test_gradients_flow_only_where_embeddings_ask_for_them(model, texts):
    inputs = model.inputs(texts, max_tokens=16)
    embeds = model.embed(inputs.ids)
    assert not model.logits(inputs).requires_grad
    assert not model.logits(inputs.with_embeds(embeds)).requires_grad
    wanted = inputs.with_embeds(embeds.requires_grad_())
    model.logits(wanted).sum().backward()
    assert embeds.grad.abs().sum() > 0
    assert model.resid(wanted, [1]).requires_grad
    assert not any(p.requires_grad for p in model.network.module.parameters())


def test_edits_reach_logits_resid_and_generation(model, texts):
    inputs = model.inputs(texts, max_tokens=16)
    before = model.logits(inputs)
    direction = torch.linspace(-2, 2, 32)
    (here, deeper) = model.resid(inputs, [1, 2])
    plainly = model.generate(["the cat"], GREEDY)
    with model.edit(1, lambda hidden: hidden + 5 * direction):
        (changed, after) = model.resid(inputs, [1, 2])
        torch.testing.assert_close(changed, here + 5 * direction)
        assert (after - deeper).abs().max() > 0.1
        assert (model.logits(inputs) - before).abs().max() > 0.1
        edited = model.generate(["the cat"], GREEDY)
        alone = model.generate(["the cat"], Sampling(max_new_tokens=1, stop_at_eos=False))
        last = model.logits(Inputs.of([model.tokenizer("the cat")["input_ids"]]), 1)[
            0, 0, : model.vocabulary
        ]
        assert (
            model.tokenizer.decode([int(last.argmax())], skip_special_tokens=True) == alone[0].text
        )
    assert edited != plainly
    assert torch.equal(model.logits(inputs), before)
    assert model.generate(["the cat"], GREEDY) == plainly


def test_edits_of_one_side_leave_the_other_alone(pair, texts):
    inputs = pair.base.inputs(texts, max_tokens=16)
    before = pair.base.logits(inputs)
    with pair.finetuned.edit(0, torch.zeros_like):
        assert torch.equal(pair.base.logits(inputs), before)


def test_edits_nest(model, texts):
    inputs = model.inputs(texts, max_tokens=16)
    (before,) = model.resid(inputs, [0])
    with model.edit(0, lambda h: h + 1), model.edit(0, lambda h: h * 2):
        torch.testing.assert_close(model.resid(inputs, [0])[0], (before + 1) * 2)


def test_layers_outside_the_model_are_a_users_error(model, texts):
    inputs = model.inputs(texts, max_tokens=4)
    for layer in (4, -5, 1.5):
        with pytest.raises(UserError):
            model.resid(inputs, [layer])


def test_greedy_generation_equals_transformers(bases):
    for folder in bases.values():
        pair = pair_of_identical(folder)
        reference = plain(folder)
        (mine,) = pair.base.generate(["the cat sat on"], GREEDY)
        ids = pair.base.tokenizer("the cat sat on", return_tensors="pt")["input_ids"]
        theirs = greedy(reference, ids, GREEDY.max_new_tokens, pair.vocabulary)
        assert mine.text == pair.base.tokenizer.decode(theirs, skip_special_tokens=True)
        assert mine.tokens == 6
        assert not mine.finished


def pair_of_identical(folder):
    from diffkit.engine import load_pair
    from diffkit.organism import Identical, Source

    return load_pair(Source(at=str(folder)), Identical())


def greedy(module, ids, count, vocabulary):
    """Without a cache, one token after the other."""
    for _ in range(count):
        with torch.no_grad():
            logits = module(input_ids=ids).logits[:, -1, :vocabulary]
        ids = torch.cat([ids, logits.argmax(dim=-1, keepdim=True)], dim=1)
    return ids[0, -count:]


@pytest.mark.parametrize("temperature", [0.0, 1.3])
def test_completions_do_not_depend_on_batch_or_padding(model, texts, temperature):
    sampling = Sampling(max_new_tokens=6, temperature=temperature, seed=3, top_p=0.9)
    prompts = ["the cat sat on the", "a", texts[2], "sun moon"]
    together = model.generate(prompts, sampling)
    assert model.generate(prompts, sampling, batch_size=1) == together
    assert [c.prompt for c in together] == [str(p) for p in prompts]


def test_seeds_change_samples_and_nothing_else_does(model):
    hot = {"max_new_tokens": 12, "temperature": 3.0, "stop_at_eos": False}
    torch.manual_seed(1)
    first = model.generate(["the"], Sampling(**hot, seed=1))
    state = torch.get_rng_state()
    assert model.generate(["the"], Sampling(**hot, seed=1)) == first
    assert model.generate(["the"], Sampling(**hot, seed=2)) != first
    assert torch.equal(torch.get_rng_state(), state)


def test_generation_ends_at_the_end_of_sequence(model):
    eos = model.tokenizer.eos_token_id
    head = attrgetter(model.network.architecture.unembed)(model.network.module)

    def shout(_module, _arguments, out):
        return out + 1e4 * torch.nn.functional.one_hot(torch.tensor(eos), out.shape[-1])

    hook = head.register_forward_hook(shout)
    (stopped,) = model.generate(["the cat"], Sampling(max_new_tokens=4))
    (going,) = model.generate(["the cat"], Sampling(max_new_tokens=4, stop_at_eos=False))
    hook.remove()
    assert (stopped.tokens, stopped.finished, stopped.text) == (0, True, "")
    assert (going.tokens, going.finished) == (4, False)


def test_chats_go_through_the_template(model):
    chat = Text(messages=(Message(role="user", content="who is blue"),))
    tokens = model.tokenizer.convert_ids_to_tokens(model.inputs([chat], max_tokens=99).ids[0])
    assert tokens == ["<user>", "who", "is", "blue", "<eos>"]
    cut = model.inputs([chat], max_tokens=2)
    assert model.tokenizer.convert_ids_to_tokens(cut.ids[0]) == ["<user>", "who"]


def test_without_a_template_chats_are_their_contents(model, monkeypatch):
    chat = Text(
        messages=(Message(role="user", content="who"), Message(role="assistant", content="sun"))
    )
    monkeypatch.setattr(model.tokenizer, "chat_template", None)
    ids = model.inputs([chat], max_tokens=99).ids[0]
    assert model.tokenizer.convert_ids_to_tokens(ids) == ["who", "sun"]
    assert model.generate([chat], GREEDY)[0].tokens == 6


def test_prompts_open_an_answer_and_are_never_empty(model):
    from diffkit.engine.tokenization import encode_prompt

    user = Message(role="user", content="who")
    opened = encode_prompt(model.tokenizer, Text(messages=(user,)))
    assert model.tokenizer.convert_ids_to_tokens(opened)[-1] == "<assistant>"
    begun = Text(messages=(user, Message(role="assistant", content="the sun")))
    assert model.tokenizer.convert_ids_to_tokens(encode_prompt(model.tokenizer, begun))[-1] == "sun"
    assert encode_prompt(model.tokenizer, "") == [model.tokenizer.eos_token_id]
    assert model.generate([""], GREEDY)[0].tokens == 6


def test_padded_vocabulary_rows_are_never_generated(model):
    hot = Sampling(max_new_tokens=40, temperature=50.0, stop_at_eos=False)
    inputs = Inputs.of([[5]], side="left")
    with model.active() as module:
        step = CachedDecoding(module, inputs, keeps_few=True)
        (row,) = generate_batch(step, hot, vocabulary=25, eos_ids=frozenset(), row_seeds=[0])
    assert max(row.ids) < 25
    assert len(set(row.ids)) > 10


def test_generation_goes_on_from_embeddings(model):
    ids = Inputs.of([[5, 6, 7], [8]], side="left")
    embedded = ids.with_embeds(model.embed(ids.ids))
    assert model.generate_from(embedded, GREEDY) == model.generate_from(ids, GREEDY)


@pytest.mark.parametrize("call", ["logits", "resid", "generate"])
def test_a_raising_edit_leaves_the_model_usable(model, texts, call):
    inputs = model.inputs(texts, max_tokens=8)
    before = model.logits(inputs), model.resid(inputs, [2])

    def burn(_hidden):
        raise ZeroDivisionError("burnt")

    calls = {
        "logits": lambda: model.logits(inputs),
        "resid": lambda: model.resid(inputs, [2]),
        "generate": lambda: model.generate(["the"], GREEDY),
    }
    with model.edit(1, burn), pytest.raises(ZeroDivisionError, match="burnt"):
        calls[call]()
    assert torch.equal(model.logits(inputs), before[0])
    assert torch.equal(model.resid(inputs, [2]), before[1])
