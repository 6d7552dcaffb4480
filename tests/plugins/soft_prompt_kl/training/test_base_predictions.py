import pytest
import torch
from diffkit_plugins.soft_prompt_kl.data import Passage
from diffkit_plugins.soft_prompt_kl.training.batches import seeded_generator
from diffkit_plugins.soft_prompt_kl.training.objective import (
    PromptObjective,
    base_predictions,
    mean_base_kl,
)

from diffkit.maths import DIVERGENCES

PASSAGES = [Passage((5, 6, 7, 8), 2, "completion"), Passage((9, 10), 0, "text")]
ALL = slice(None)


def soft(pair):
    return torch.randn(3, pair.base.d_model, generator=seeded_generator("prompt"))


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=seeded_generator("logits", seed)).log_softmax(-1)


def test_the_base_that_says_what_it_says_is_not_moved(tiny_pair):
    reference = base_predictions(tiny_pair, PASSAGES)
    own = tiny_pair.base.project(reference.states)[:, : tiny_pair.vocabulary].log_softmax(-1)
    assert reference.base_kl(own, ALL).abs().max() < 1e-6


def test_it_is_the_divergence_from_what_the_base_says_without_the_prompt(tiny_pair):
    reference = base_predictions(tiny_pair, PASSAGES)
    log_q = drawn(4, tiny_pair.vocabulary)
    own = tiny_pair.base.project(reference.states)[:, : tiny_pair.vocabulary].log_softmax(-1)
    expected = (log_q.exp() * (log_q - own)).sum(-1)
    assert reference.known.tolist() == [True, True, False, True]
    torch.testing.assert_close(
        reference.base_kl(log_q, ALL)[reference.known], expected[reference.known]
    )
    torch.testing.assert_close(reference.base_kl(log_q[1:3], slice(1, 3))[0], expected[1])


def test_a_texts_first_token_has_no_rest_and_pulls_nowhere(tiny_pair):
    log_q = drawn(4, tiny_pair.vocabulary).requires_grad_()
    reference = base_predictions(tiny_pair, PASSAGES)
    value = reference.base_kl(log_q, ALL)
    assert float(value[2].detach()) == 0.0
    value.sum().backward()
    assert log_q.grad[[0, 1, 3]].any(dim=1).all()
    # with the weights that sum to 1, KL(q ‖ q) pulls equally at all logits, so nowhere
    logits = torch.zeros(1, tiny_pair.vocabulary, requires_grad=True)
    only = base_predictions(tiny_pair, [Passage((9,), 0, "text")])
    only.base_kl(logits.log_softmax(-1), ALL).sum().backward()
    assert logits.grad.abs().max() < 1e-6


def test_any_micro_batch_and_chunk_give_the_same_mean(tiny_pair, quick):
    whole, parts = (
        mean_base_kl(tiny_pair, config, soft(tiny_pair), PASSAGES)
        for config in (quick(), quick(micro_batch=1, chunk=1))
    )
    assert parts == pytest.approx(whole, rel=1e-5)
    assert whole > 0


def test_nothing_to_read_is_not_moved(tiny_pair, quick):
    assert mean_base_kl(tiny_pair, quick(), soft(tiny_pair), []) == 0.0


def test_its_weight_is_subtracted():
    log_p, log_q, targets = drawn(3, 7), drawn(3, 7, seed=1), torch.tensor([0, 1, 2])
    plain = PromptObjective(DIVERGENCES["kl"], 5.0)
    held = PromptObjective(DIVERGENCES["kl"], 5.0, anchor=2.0)
    away = torch.tensor([0.0, 0.5, 1.0])
    found = plain(log_p, log_q, targets) - held(log_p, log_q, targets, away)
    torch.testing.assert_close(found, 2 * away)
    assert torch.equal(held.plain(log_p, log_q, targets), plain(log_p, log_q, targets))


def test_a_side_with_more_tokens_is_compared_over_those_of_both(resized_pair):
    reference = base_predictions(resized_pair, PASSAGES)
    own = resized_pair.base.project(reference.states)[:, : resized_pair.vocabulary].log_softmax(-1)
    assert reference.base_kl(own, ALL).abs().max() < 1e-6
