import math

import pytest
import torch
from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.objectives.contrast import contrast_split

from diffkit import Inputs, UserError

POSITIVE = ("The cat sat on the mat.", "What is it?", "Sell bread", "Two and three", "The dog")
NEGATIVE = ("Every morning.", "naïve café", "The baker sells.")
OPTIONS = CompletionOptions(early_tokens=1)
TRIED = torch.tensor([[40, 50, 60], [70, 80, 90]])


def likelihood(model, prefix, text):
    """Mean log-likelihood of a text's tokens after the first, one at a time."""
    words = " " + text if prefix else text
    ids = model.tokenizer(words).input_ids
    row = [*prefix, *ids]
    log_p = model.logits(Inputs.of([row]))[0].double().log_softmax(-1)
    first = len(row) - min(len(ids), len(model.tokenizer(text).input_ids)) + 1
    return sum(float(log_p[i - 1, row[i]]) for i in range(first, len(row))) / (len(row) - first)


def naive(model, prefix, positive, negative):
    gap = likelihood(model, prefix, positive) - likelihood(model, prefix, negative)
    return -math.log(1 / (1 + math.exp(-gap)))


@pytest.mark.parametrize("parent", [None, torch.tensor([40, 50, 61])])
def test_losses_are_the_odds_that_the_positive_text_loses(tiny_model, parent):
    split = contrast_split(tiny_model, POSITIVE, NEGATIVE, OPTIONS)
    pairs = [(POSITIVE[0], NEGATIVE[0]), (POSITIVE[2], NEGATIVE[2]), (POSITIVE[4], NEGATIVE[0])]
    assert split.training.items == 3
    assert [slot.suffix for slot in split.training_slots] == [pair[0] for pair in pairs]
    found = split.training.losses(TRIED, [2, 0, 1], parent=parent)
    for prefix, losses in zip(TRIED.tolist(), found.tolist(), strict=True):
        expected = [naive(tiny_model, prefix, *pairs[i]) for i in (2, 0, 1)]
        assert losses == pytest.approx(expected, rel=1e-4)
    empty = split.held_out.losses(torch.zeros(1, 0, dtype=torch.long), [0])
    assert float(empty) == pytest.approx(naive(tiny_model, [], POSITIVE[1], NEGATIVE[1]), rel=1e-4)


def test_each_text_is_in_a_pair(tiny_model):
    split = contrast_split(tiny_model, NEGATIVE, POSITIVE, OPTIONS)
    assert split.training.items == 3
    assert [slot.suffix for slot in split.training_slots] == [NEGATIVE[i] for i in (0, 2, 0)]
    assert split.held_out.items == 2


def test_the_gradient_is_the_losses_own(tiny_model):
    objective = contrast_split(tiny_model, POSITIVE, NEGATIVE, OPTIONS).training
    embeddings = tiny_model.embed(TRIED[:1])[0]
    found = objective.gradient(embeddings, [0, 2])
    assert found.loss == pytest.approx(float(objective.losses(TRIED[:1], [0, 2]).mean()), rel=1e-4)
    step = 1e-3 * torch.randn(embeddings.shape, generator=torch.Generator().manual_seed(0))
    up, down = (objective.gradient(embeddings + s * step, [0, 2]).loss for s in (1, -1))
    assert up - down == pytest.approx(2 * float((found.gradient * step).sum()), rel=0.05, abs=1e-5)


def test_no_loss_is_below_the_floor(tiny_model):
    objective = contrast_split(tiny_model, POSITIVE, NEGATIVE, OPTIONS).training
    assert objective.floors.tolist() == [0.0] * 3
    assert float(objective.losses(TRIED, [0, 1, 2]).min()) > 0


def test_too_few_or_too_short_texts_are_refused(tiny_model):
    with pytest.raises(UserError, match="1 negative texts; two are needed"):
        contrast_split(tiny_model, POSITIVE, NEGATIVE[:1], OPTIONS)
    with pytest.raises(UserError, match="'T' has a single token"):
        contrast_split(tiny_model, ("T", "The dog lay"), NEGATIVE, OPTIONS)
