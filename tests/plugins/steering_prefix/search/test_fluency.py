import copy

import pytest
import torch
from diffkit_plugins.steering_prefix.optimisers.registry import load_optimiser
from diffkit_plugins.steering_prefix.search import PrefixScorer
from diffkit_plugins.steering_prefix.search.scorer import FluencyPenalty
from tokenizers.processors import TemplateProcessing

from diffkit import Inputs


def naive(model, ids, start):
    """Mean NLL by a loop over whole rows."""
    row = ([] if start is None else [start]) + ids
    losses = []
    for slot in range(1, len(row)):
        before = torch.tensor([row[:slot]])
        logits = model.logits(Inputs(torch.ones_like(before, dtype=torch.bool), ids=before))
        losses.append(-float(logits[0, -1, : model.vocabulary].log_softmax(0)[row[slot]]))
    return sum(losses) / len(losses)


@pytest.fixture(params=["nothing", "its end", "bos"])
def start(request, tiny_model, monkeypatch):
    """The token before a document: none, the one after a document, or one that is set before it."""
    tokenizer = copy.deepcopy(tiny_model.tokenizer)
    monkeypatch.setattr(tiny_model, "tokenizer", tokenizer)
    # a chat model's bos token (SmolLM2's ``<|im_start|>``) may begin turns, and no document
    tokenizer.bos_token = "<|system|>"
    if request.param == "nothing":
        tokenizer.eos_token = None
        return None
    if request.param == "its end":
        return tokenizer.eos_token_id
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|system|> $A", special_tokens=[("<|system|>", tokenizer.bos_token_id)]
    )
    return tokenizer.bos_token_id


def test_a_penalty_is_the_mean_negative_log_likelihood(tiny_model, start):
    prefixes = torch.tensor([[262, 56, 337], [10, 20, 30]])
    penalties = FluencyPenalty(tiny_model, 2.0).penalties(prefixes)
    for row, penalty in zip(prefixes.tolist(), penalties.tolist(), strict=True):
        assert penalty == pytest.approx(2.0 * naive(tiny_model, row, start), rel=1e-5)


def test_the_last_token_promises_exactly_what_its_swap_takes_off(tiny_model, start):
    ids = torch.tensor([262, 56, 337])
    fluency = FluencyPenalty(tiny_model, 0.5)
    promised = fluency.gains(ids)[2]
    swapped = ids.repeat(340, 1)
    swapped[:, 2] = torch.arange(340)
    taken_off = fluency.penalties(ids[None]) - fluency.penalties(swapped)
    assert torch.allclose(promised, taken_off, atol=1e-5)


@pytest.mark.parametrize("start", ["nothing"], indirect=True)
def test_one_token_that_nothing_predicts_costs_nothing(tiny_model, start):
    assert start is None
    fluency = FluencyPenalty(tiny_model, 1.0)
    assert fluency.penalties(torch.tensor([[5], [6]])).tolist() == [0.0, 0.0]
    assert not fluency.gains(torch.tensor([5])).any()


def test_a_search_with_it_finds_what_the_model_finds_likelier(closed_form, task_of):
    flat = closed_form(lambda here: 0 * here.sum(dim=(1, 2)))
    found = load_optimiser("momentum").search(task_of(flat, length=3, budget=800, fluency=1.0))
    fluency = FluencyPenalty(flat.model, 1.0)
    generator = torch.Generator().manual_seed(0)
    others = torch.randint(4, 340, (50, 3), generator=generator)
    assert found.penalty == pytest.approx(
        float(fluency.penalties(torch.tensor([found.ids]))), rel=1e-5
    )
    assert found.penalty < float(fluency.penalties(others).min())


def test_no_more_rows_are_read_at_a_time_than_asked_for(closed_form, task_of, monkeypatch):
    flat = closed_form(lambda here: 0 * here.sum(dim=(1, 2)))
    prefixes = torch.arange(10, 40).view(10, 3)
    whole = PrefixScorer(task_of(flat, length=3, fluency=1.0)).penalties(prefixes)
    rows, read = [], FluencyPenalty.penalties
    monkeypatch.setattr(
        FluencyPenalty, "penalties", lambda self, part: rows.append(len(part)) or read(self, part)
    )
    parts = PrefixScorer(task_of(flat, length=3, fluency=1.0, batch_size=4)).penalties(prefixes)
    assert rows == [4, 4, 2]
    assert torch.allclose(parts, whole, atol=1e-5)
