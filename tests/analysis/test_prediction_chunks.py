"""Predictions a few positions at a time, against the logits of whole batches."""

from itertools import pairwise

import pytest
import torch

from diffkit.analysis import prediction_chunks, target_log_probabilities
from diffkit.engine import Inputs

ROWS = [[5, 6, 7, 8, 9], [8], [9, 10, 11]]


def whole(side, inputs, vocabulary):
    return side.logits(inputs)[..., :vocabulary].double().log_softmax(-1)


@pytest.mark.parametrize("chunk", [None, 1, 2, 4])
@pytest.mark.parametrize("padding", ["left", "right"])
@pytest.mark.parametrize("plain", [True, False], ids=["states", "logits"])
def test_they_are_those_of_the_whole_batch(tiny_pair, chunk, padding, plain, monkeypatch):
    for side in (tiny_pair.base, tiny_pair.finetuned):
        monkeypatch.setattr(side.network, "projects", None)
        assert side.projects_final_states
    for side in (tiny_pair.base, tiny_pair.finetuned):
        monkeypatch.setattr(side.network, "projects", plain)
    inputs = Inputs.of(ROWS, side=padding)
    chosen = inputs.predicting
    assert int(chosen.sum()) == 4 + 0 + 2
    size = tiny_pair.vocabulary
    parts = list(prediction_chunks(tiny_pair, inputs, chosen, chunk=chunk))
    assert [part.places.start for part in parts[1:]] == [part.places.stop for part in parts[:-1]]
    assert torch.equal(
        torch.cat([torch.stack([p.rows, p.columns], 1) for p in parts]), chosen.nonzero()
    )
    for name in ("base", "finetuned"):
        found = torch.cat([getattr(part, name) for part in parts]).double()
        expected = whole(getattr(tiny_pair, name), inputs, size)[chosen]
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_no_chunk_spans_two_rows_where_that_is_wanted(tiny_pair):
    inputs = Inputs.of(ROWS)
    parts = list(prediction_chunks(tiny_pair, inputs, inputs.mask, chunk=3, one_row=True))
    assert [part.rows.tolist() for part in parts] == [[0] * 3, [0] * 2, [1], [2] * 3]
    assert all(one.places.stop == other.places.start for one, other in pairwise(parts))


def test_nothing_is_chosen_in_rows_of_one_token(tiny_pair):
    inputs = Inputs.of([[3], [4]])
    assert list(prediction_chunks(tiny_pair, inputs, inputs.predicting)) == []


def test_targets_beyond_the_vocabulary_have_no_probability(tiny_pair):
    side, inputs = tiny_pair.finetuned, Inputs.of(ROWS)
    targets = torch.tensor([6, 7, 8, 9, 10, 11])
    found = target_log_probabilities(side, inputs, inputs.predicting, targets, 10, chunk=2)
    expected = whole(side, inputs, 10)[inputs.predicting]
    assert found[4:].tolist() == [-torch.inf] * 2
    within = expected[:4].gather(1, targets[:4, None])[:, 0].float()
    torch.testing.assert_close(found[:4], within, atol=1e-5, rtol=1e-5)


def test_a_head_that_scales_its_logits_is_asked_itself(tiny_pair, monkeypatch):
    """As Granite's does: the logits are then not the unembedding's output alone."""
    side = tiny_pair.base
    module, forward = side.network.module, side.network.module.forward

    def scaled(*args, **kwargs):
        output = forward(*args, **kwargs)
        output.logits = output.logits / 8
        return output

    monkeypatch.setattr(module, "forward", scaled)
    monkeypatch.setattr(side.network, "projects", None)
    assert not side.projects_final_states
    inputs = Inputs.of(ROWS)
    (part, *_) = prediction_chunks(tiny_pair, inputs, inputs.mask)
    expected = whole(side, inputs, tiny_pair.vocabulary)[inputs.mask][part.places]
    torch.testing.assert_close(part.base.double(), expected, atol=1e-5, rtol=1e-5)
