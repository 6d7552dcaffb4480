import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffkit.maths import token_log_probabilities


def draw(seed, rows=20, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, 5, rows, generator=generator)
    return logits.to(dtype), torch.randint(rows, (2, 5), generator=generator)


@given(seed=st.integers(0, 1_000), chunk=st.integers(1, 12), vocabulary=st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_each_equals_the_full_softmax_in_float64(seed, chunk, vocabulary):
    logits, ids = draw(seed)
    found = token_log_probabilities(logits, ids, vocabulary, chunk)
    expected = logits[..., :vocabulary].double().log_softmax(-1)
    for row in range(2):
        for place in range(5):
            token = int(ids[row, place])
            if token < vocabulary:
                mine = float(found[row, place])
                assert mine == pytest.approx(float(expected[row, place, token]), abs=1e-5)
            else:
                assert found[row, place] == -torch.inf


def test_they_add_up_to_one_over_the_vocabulary():
    logits, _ = draw(0)
    each = [
        token_log_probabilities(logits, torch.full((2, 5), token), 12).exp() for token in range(12)
    ]
    torch.testing.assert_close(sum(each), torch.ones(2, 5))


def test_rows_beyond_the_vocabulary_change_nothing():
    logits, ids = draw(0)
    wider = torch.cat([logits, 100 * torch.ones(2, 5, 3)], dim=-1)
    assert torch.equal(
        token_log_probabilities(logits, ids, 20), token_log_probabilities(wider, ids, 20)
    )


def test_bfloat16_logits_are_summed_in_float32():
    logits, ids = draw(0, rows=5_000, dtype=torch.bfloat16)
    expected = logits.double().log_softmax(-1).gather(-1, ids[..., None])[..., 0]
    found = token_log_probabilities(logits, ids, 5_000)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("chunk", [1, 3, 128])
def test_predictions_cut_at_their_end_are_not_copied_as_a_whole(chunk, monkeypatch):
    def refuse(*_):
        raise AssertionError("all logits at once")

    logits, ids = draw(0)
    whole = token_log_probabilities(logits[:, :-1].contiguous(), ids[:, 1:], 20)
    monkeypatch.setattr(torch.Tensor, "flatten", refuse)
    monkeypatch.setattr(torch.Tensor, "reshape", refuse)
    assert torch.equal(token_log_probabilities(logits[:, :-1], ids[:, 1:], 20, chunk), whole)


def test_there_are_no_gradients_and_no_positions_are_no_fault():
    logits, ids = draw(0)
    assert not token_log_probabilities(logits.requires_grad_(), ids, 20).requires_grad
    assert token_log_probabilities(logits[:, :0], ids[:, :0], 20).shape == (2, 0)
