"""`ModelPair.log_probs` against a log-softmax written out position by position."""

import pytest
import torch

from diffkit import Inputs, ModelPair, TextBatch

ROWS = [[5, 6, 7, 8], [9, 4], [3], []]


@pytest.mark.parametrize("side", ["left", "right"])
def test_positions_are_those_whose_next_token_is_real(tiny_pair, side):
    inputs = Inputs.of(ROWS, side=side)
    found = tiny_pair.log_probs(inputs)
    assert found.targets.tolist() == [6, 7, 8, 4]
    assert found.rows.tolist() == [0, 0, 0, 1]
    size = tiny_pair.vocabulary
    for name in ("base", "finetuned"):
        got, model = getattr(found, name), getattr(tiny_pair, name)
        assert (got.shape, got.dtype) == ((4, size), torch.float32)
        for place, (row, column) in enumerate([(0, 0), (0, 1), (0, 2), (1, 0)]):
            alone = model.logits(Inputs.of([ROWS[row]]))[0, column, :size]
            torch.testing.assert_close(got[place], alone.log_softmax(-1), atol=1e-4, rtol=1e-4)


def test_they_are_over_the_tokens_that_both_sides_have(tiny_pair):
    found = tiny_pair.log_probs(Inputs.of(ROWS))
    for side in (found.base, found.finetuned):
        torch.testing.assert_close(side.exp().sum(-1), torch.ones(4))


def test_a_batch_of_texts_is_taken_as_its_inputs(tiny_pair):
    inputs = Inputs.of(ROWS)
    batch = TextBatch((3, 1, 0, 2), inputs)
    assert torch.equal(batch.ids, inputs.ids)
    assert torch.equal(batch.mask, inputs.mask)
    assert torch.equal(tiny_pair.log_probs(batch).base, tiny_pair.log_probs(inputs).base)


def test_embeddings_have_no_next_token(tiny_pair: ModelPair):
    inputs = Inputs.of(ROWS)
    embeds = inputs.with_embeds(tiny_pair.base.embed(inputs.ids))
    with pytest.raises(ValueError, match="no next token"):
        tiny_pair.log_probs(embeds)
