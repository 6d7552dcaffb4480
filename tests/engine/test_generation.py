"""Rows that end early leave the batch, and the others do not notice."""

import math

import pytest
import torch
from pydantic import ValidationError
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TopPLogitsWarper,
)

from diffkit.engine.architectures import architecture_of
from diffkit.engine.generation import CachedDecoding, generate_batch, sample_tokens
from diffkit.engine.inputs import Inputs
from diffkit.engine.model import Model
from diffkit.engine.network import Network
from diffkit.sampling import Sampling

from .adapters import plain
from .conftest import make_model
from .test_breadth import ARCHITECTURES, TIED

ROWS = 12
HOT = Sampling(max_new_tokens=16, temperature=2.0, seed=5)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_a_shrinking_batch_gives_what_each_row_gives_alone(kind, tmp_path, monkeypatch):
    network = plain(make_model(tmp_path / kind, kind, tied=kind in TIED))
    size = network.config.get_text_config().vocab_size
    ends = frozenset(range(0, size, 6))  # a sixth of all tokens: rows end here and there
    ids = torch.randint(0, size, (ROWS, 5), generator=torch.Generator().manual_seed(0))
    widths = []
    run = CachedDecoding._run
    monkeypatch.setattr(
        CachedDecoding,
        "_run",
        lambda self, given, positions: widths.append(len(positions)) or run(self, given, positions),
    )

    @torch.no_grad()
    def said(rows, first):
        inputs = Inputs(ids=ids[rows], mask=torch.ones(len(rows), 5, dtype=torch.bool))
        numbers = range(first, first + len(rows))
        step = CachedDecoding(network, inputs, keeps_few=True)
        return generate_batch(step, HOT, vocabulary=size, eos_ids=ends, row_seeds=numbers)

    together = said(list(range(ROWS)), 0)
    assert min(widths) < ROWS / 2
    assert len({len(row.ids) for row in together}) > 3
    assert [said([row], row)[0] for row in range(ROWS)] == together


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_the_unembedding_reads_contiguous_states(kind, tmp_path):
    """On others torch copies the unembedding's bfloat16 weights for each row, on the CPU."""
    module = plain(make_model(tmp_path / kind, kind, tied=kind in TIED))
    model = Model(Network(module, None, architecture_of(kind)))
    head = module.get_output_embeddings()
    read = []
    head.register_forward_pre_hook(lambda _, given: read.append(given[0]))
    ids = torch.arange(12).reshape(3, 4)
    inputs = Inputs(torch.ones_like(ids, dtype=torch.bool), ids=ids)
    with model.active():
        CachedDecoding(module, inputs, keeps_few=True).forward(ids[:, 0])
    model.prefix_cache(ids[0]).logits(inputs, keep=1)
    model.logits(inputs, keep=2)
    model.project(model.final_states(inputs)[:, :2])
    model.unembed(model.resid(inputs, [-1])[0, :, ::2])
    assert {states.shape[1] for states in read} == {1, 2}
    assert all(states.is_contiguous() for states in read)


def plainly_drawn(logits, sampling, draw):
    """The token of one row: transformers' own limits, the vocabulary sorted stably, and summed."""
    scaled = logits.double()[None] / sampling.temperature
    limits = [
        *([TopPLogitsWarper(sampling.top_p)] if sampling.top_p < 1 else []),
        *([MinPLogitsWarper(sampling.min_p)] if sampling.min_p else []),
    ]
    kept = LogitsProcessorList(limits)(None, scaled)[0]
    order = sorted(range(len(kept)), key=lambda token: -float(kept[token]))
    mass = kept.softmax(-1)[order].cumsum(0)
    return order[int((mass <= draw * mass[-1]).sum())]


@pytest.mark.parametrize("min_p", [0.0, 0.05, 0.5, 1.0])
@pytest.mark.parametrize("top_p", [1.0, 0.95, 0.3])
@pytest.mark.parametrize("scale", [0.1, 2.0, 8.0])
def test_draws_from_a_large_vocabulary_are_those_of_the_sorted_one(min_p, top_p, scale):
    """Flat ones, which need the whole vocabulary, and peaked ones; bfloat16 has many ties."""
    generator = torch.Generator().manual_seed(0)
    logits = (scale * torch.randn(40, 3_000, generator=generator)).bfloat16()
    logits[::4, 100:] = -torch.inf
    draws = torch.rand(40, generator=generator, dtype=torch.float64)
    sampling = Sampling(max_new_tokens=1, temperature=0.9, top_p=top_p, min_p=min_p)
    expected = [
        plainly_drawn(row, sampling, float(d)) for row, d in zip(logits, draws, strict=True)
    ]
    assert sample_tokens(logits, sampling, draws).tolist() == expected


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_equal_prompts_are_read_once_and_give_what_they_give_alone(kind, tmp_path):
    module = plain(make_model(tmp_path / kind, kind, tied=kind in TIED))
    model = Model(Network(module, None, architecture_of(kind)))
    rows = [[5, 6, 7], [8, 9], [5, 6, 7], [9], [8, 9], [5, 6, 7]]
    read = []
    embed = module.get_input_embeddings()
    embed.register_forward_hook(lambda _, given, __: read.append(len(given[0])))
    together = generated(model, rows, range(len(rows)))
    assert read[0] == 3
    assert together == [generated(model, [row], [i])[0] for i, row in enumerate(rows)]


@torch.no_grad()
def generated(model, rows, seeds):
    state = CachedDecoding(model.network.module, Inputs.of(rows, side="left"), keeps_few=True)
    return generate_batch(state, HOT, vocabulary=32, eos_ids=frozenset(), row_seeds=seeds)


@torch.no_grad()
def test_no_token_is_written_that_is_less_probable_than_min_p_allows(tmp_path):
    """Read by transformers, text by text; without the limit the same draws write such tokens."""
    module = plain(make_model(tmp_path, "llama"))
    model = Model(Network(module, None, architecture_of("llama")))
    prompt = [5, 6, 7]

    def least(min_p):
        sampling = HOT.model_copy(update={"temperature": 1.0, "min_p": min_p})
        inputs = Inputs.of([prompt] * ROWS, side="left")
        with model.active():
            step = CachedDecoding(module, inputs, keeps_few=True)
            rows = generate_batch(
                step, sampling, vocabulary=32, eos_ids=frozenset(), row_seeds=range(ROWS)
            )
        for row in (list(one.ids) for one in rows):
            read = module(torch.tensor([prompt + row])).logits[0, len(prompt) - 1 : -1]
            shares = read[:, :32].double().softmax(-1)
            yield from (shares.gather(1, torch.tensor(row)[:, None])[:, 0] / shares.amax(-1))

    assert min(least(0.6)) >= 0.6 - 1e-4
    assert min(least(0.0)) < 0.6


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, "few"])
def test_a_least_share_is_between_0_and_1(value):
    with pytest.raises(ValidationError, match="min_p"):
        Sampling(min_p=value)
