"""Cached prefixes, on every architecture that diffkit knows, against whole rows."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from diffkit.engine.architectures import architecture_of
from diffkit.engine.inputs import Inputs
from diffkit.engine.model import Model
from diffkit.engine.network import Network

from .adapters import make_adapter, pair_of
from .conftest import make_config, make_model
from .test_breadth import ARCHITECTURES

IDS = [5, 9, 7, 11, 6, 20, 14, 8, 19]
ROWS = [[7, 8, 9, 10, 11, 12, 13], [20, 6], [18, 5, 17, 21], [9]]
SIDES = ["left", "right"]


def model_of(config):
    torch.manual_seed(0)
    module = AutoModelForCausalLM.from_config(config)
    for parameter in module.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return Model(Network(module, None, architecture_of(config.model_type)))


@pytest.fixture(scope="module", params=ARCHITECTURES)
def model(request):
    return model_of(make_config(request.param))


def whole(model, rows, before, ids=IDS):
    """Logits of each row's tokens by passes of one unpadded row."""
    found = []
    for row in rows:
        inputs = Inputs.of([[*ids[:before], *row]])
        found.append(model.logits(inputs)[0, before:])
    return torch.cat(found)


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


class Passes:
    """Counts the columns that a network reads, pass by pass."""

    def __init__(self, model):
        self.widths = []
        self._hook = model.network.module.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(self, _module, _arguments, given):
        self.widths.append(given["input_ids"].shape[1])

    def __enter__(self):
        return self.widths

    def __exit__(self, *_):
        self._hook.remove()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("after", [None, 0, 1, 4, 9])
def test_rows_get_the_logits_of_whole_rows(model, side, after):
    inputs = Inputs.of(ROWS, side=side)
    logits = model.prefix_cache(torch.tensor(IDS)).logits(inputs, after=after)
    assert logits.shape == (len(ROWS), 7, model.vocab_rows)
    close(logits[inputs.mask], whole(model, ROWS, len(IDS) if after is None else after))


@pytest.mark.parametrize("keep", [None, 1, 3, 20, slice(2, 5), slice(-3, -1), slice(1, None, 2)])
@pytest.mark.parametrize("edited", [False, True])
def test_kept_positions_are_those_of_the_rows(model, keep, edited):
    inputs, states = Inputs.of(ROWS, side="left"), model.prefix_cache(torch.tensor(IDS))
    with model.edit(2, lambda hidden: hidden * (1 + edited)):
        every = states.logits(inputs, after=5)
        kept = slice(-keep, None) if isinstance(keep, int) else keep or slice(None)
        close(states.logits(inputs, after=5, keep=keep), every[:, kept])


def test_one_prefix_serves_many_calls(model):
    states = model.prefix_cache(torch.tensor(IDS))
    inputs = Inputs.of(ROWS)
    first = states.logits(inputs)
    states.logits(inputs, after=2)
    states.logits(Inputs.of([[5] * 9] * 7), after=8)
    assert torch.equal(states.logits(inputs), first)


def test_only_the_rows_are_read_again(model):
    states = model.prefix_cache(torch.tensor(IDS))
    with Passes(model) as widths:
        states.logits(Inputs.of(ROWS), after=6)
        states.logits(Inputs.of([[7, 8]]), after=3)
    assert widths == [7, 2]


@pytest.mark.parametrize("side", SIDES)
def test_embeddings_give_the_same_as_ids_without_gradients(model, side):
    inputs = Inputs.of(ROWS, side=side)
    embeds = model.embed(inputs.ids).requires_grad_()
    states = model.prefix_cache(torch.tensor(IDS))
    for after in (0, 4):
        found = states.logits(inputs.with_embeds(embeds), after=after)
        assert not found.requires_grad
        close(found[inputs.mask], whole(model, ROWS, after))


@pytest.mark.parametrize("side", SIDES)
def test_edits_in_force_are_made_whenever_the_prefix_was_read(model, side):
    inputs = Inputs.of(ROWS, side=side)
    plain = model.prefix_cache(torch.tensor(IDS))
    unedited = plain.logits(inputs)
    with model.edit(1, lambda hidden: hidden + torch.linspace(-2, 2, 32)):
        edited = model.prefix_cache(torch.tensor(IDS))
        expected = whole(model, ROWS, len(IDS))
        for states in (plain, edited):
            close(states.logits(inputs)[inputs.mask], expected)
    close(edited.logits(inputs), unedited)
    assert (unedited[inputs.mask] - expected).abs().max() > 0.01


@pytest.mark.parametrize("kind", ["qwen3", "gemma2"])
def test_each_side_of_an_adapter_reads_its_own_prefix(tmp_path, kind):
    folder = make_model(tmp_path / "base", kind)
    pair = pair_of(folder, make_adapter(folder, tmp_path / "adapter", kind))
    inputs = Inputs.of(ROWS, side="left")
    read = {side: side.prefix_cache(torch.tensor(IDS)) for side in (pair.base, pair.finetuned)}
    for side, states in read.items():
        close(states.logits(inputs, after=7)[inputs.mask], whole(side, ROWS, 7))


def test_no_prefix_and_no_padding(model):
    states, inputs = (
        model.prefix_cache(torch.tensor([], dtype=torch.long)),
        Inputs.of([[5, 6], [7, 8]]),
    )
    close(states.logits(inputs), model.logits(inputs))


def test_more_than_the_prefix_cannot_be_shared(model):
    states = model.prefix_cache(torch.tensor(IDS))
    for after in (10, -1):
        with pytest.raises(ValueError, match=f"after is {after}"):
            states.logits(Inputs.of([[5]]), after=after)


def sliding(window):
    config = make_config("gemma2")
    config.sliding_window = window
    return model_of(config)


@pytest.mark.parametrize("window", [2, 5, 9, 10, 16])
@pytest.mark.parametrize("side", SIDES)
def test_windows_of_any_width_slide_over_prefix_and_row(window, side):
    model, inputs = sliding(window), Inputs.of(ROWS, side=side)
    states = model.prefix_cache(torch.tensor(IDS))
    for after in (1, 4, 5, 8, 9):
        found = states.logits(inputs, after=after)
        close(found[inputs.mask], whole(model, ROWS, after))


def test_a_window_that_rolled_over_is_cut_and_padding_before_it_is_not_counted():
    model = sliding(4)
    states = model.prefix_cache(torch.tensor(IDS))
    with Passes(model) as widths:
        states.logits(Inputs.of(ROWS, side="right"), after=6)
        states.logits(Inputs.of(ROWS, side="left"), after=6)
    assert widths == [7, 13]


@pytest.mark.parametrize("kind", ["dynamic", "longrope"])
def test_rotary_scales_that_grow_with_the_row_are_those_of_whole_rows(kind):
    rope = {"rope_type": kind, "rope_theta": 1e4, "factor": 4.0}
    if kind == "longrope":
        rope |= {"short_factor": [1.0] * 4, "long_factor": [8.0] * 4}
        rope |= {"original_max_position_embeddings": 12}
    model = model_of(
        AutoConfig.for_model(
            "llama",
            vocab_size=32,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=48,
            max_position_embeddings=12,
            rope_parameters=rope,
        )
    )
    states = model.prefix_cache(torch.tensor(IDS))
    for rows in (ROWS[1:2], ROWS[:1], ROWS[1:2]):  # within the length, over it, and within again
        close(states.logits(Inputs.of(rows))[0], whole(model, rows, len(IDS)))
    with Passes(model) as widths:
        for rows in (ROWS[1:2], ROWS[:1]):
            states.logits(Inputs.of(rows))
    assert widths == [2, 16]


def test_caches_of_unknown_kinds_are_left_alone():
    from transformers.cache_utils import DynamicLayer

    class Strange(DynamicLayer):
        def crop(self, tokens_to_remove):
            raise AssertionError

    model = sliding(30)
    states = model.prefix_cache(torch.tensor(IDS))
    states.cache.layers[1].__class__ = Strange
    inputs = Inputs.of(ROWS)
    close(states.logits(inputs, after=4)[inputs.mask], whole(model, ROWS, 4))
