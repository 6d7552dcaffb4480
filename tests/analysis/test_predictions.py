import pytest
import torch

from diffkit.analysis import ContinuationBatch, common_log_probabilities, common_probabilities

PROMPTS = [(3, 4, 5), (7,), (1, 2)]
CONTINUATIONS = [(9, 8), (6, 5, 4, 3), ()]


def test_scores_are_those_of_each_row_alone(tiny_model):
    batch = ContinuationBatch.of(PROMPTS, CONTINUATIONS)
    found = batch.split(batch.score(tiny_model, tiny_model.vocabulary))
    for prompt, ids, scores in zip(PROMPTS, CONTINUATIONS, found, strict=True):
        logits = tiny_model.logits(ContinuationBatch.of([prompt], [ids]).inputs)[0]
        log_p = logits[:, : tiny_model.vocabulary].float().log_softmax(dim=-1)
        start = len(prompt) - 1
        expected = [float(log_p[start + place, token]) for place, token in enumerate(ids)]
        assert scores.tolist() == pytest.approx(expected, abs=1e-4)


SYSTEM = tuple(range(20, 32))
SHARING = [(*SYSTEM, 3, 4, 5), (7,), (*SYSTEM, 3, 9), SYSTEM, (*SYSTEM[:9], 1, 2), (*SYSTEM, 3)]


def test_what_prompts_share_is_read_once_and_scores_are_those_of_each_row_alone(tiny_model):
    continuations = [(9, 8), (6, 5, 4, 3), (), (11,), (2, 2, 2), (60, 8)]
    batch = ContinuationBatch.of(SHARING, continuations)
    vocabulary = 50  # one of the tokens lies beyond
    read = []
    hook = tiny_model.network.module.register_forward_pre_hook(
        lambda module, arguments, given: read.append(given["input_ids"]), with_kwargs=True
    )
    found = batch.split(batch.score(tiny_model, vocabulary))
    hook.remove()
    assert [list(ids.shape) for ids in read] == [[1, 9], [5, 8]]  # the sixth is read whole
    for prompt, ids, scores in zip(SHARING, continuations, found, strict=True):
        logits = tiny_model.logits(ContinuationBatch.of([prompt], [ids]).inputs)[0]
        log_p = logits[:, :vocabulary].float().log_softmax(dim=-1)
        start = len(prompt) - 1
        expected = [
            float(log_p[start + place, token]) if token < vocabulary else -torch.inf
            for place, token in enumerate(ids)
        ]
        assert scores.tolist() == pytest.approx(expected, abs=1e-4)


def test_the_mask_is_true_at_the_continuations_own_tokens():
    batch = ContinuationBatch.of(PROMPTS, CONTINUATIONS)
    assert (batch.longest, batch.lengths) == (4, (2, 4, 0))
    assert batch.mask.int().tolist() == [[0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]]
    assert batch.ids[0].tolist()[-2:] == [9, 8]


def test_continuations_may_all_be_empty(tiny_model):
    batch = ContinuationBatch.of(PROMPTS, [(), (), ()])
    assert batch.longest == 0
    assert [len(one) for one in batch.split(batch.score(tiny_model, 5))] == [0, 0, 0]


def test_probabilities_are_over_the_common_vocabulary():
    logits = torch.tensor([[1.0, 2.0, 50.0]], dtype=torch.bfloat16)
    log_p = common_log_probabilities(logits, 2)
    assert log_p.dtype == torch.float32
    assert float(log_p.exp().sum()) == pytest.approx(1)
    assert torch.allclose(common_probabilities(logits, 2), log_p.exp())
