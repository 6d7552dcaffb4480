import torch
from diffkit_plugins.soft_prompt_kl.soft_prompt import append_token
from diffkit_plugins.soft_prompt_kl.training.validation import (
    HeldOutEvaluation,
    evaluations_without_gain,
)


def history(*scores, lengths=None):
    lengths = lengths or [3] * len(scores)
    return [
        HeldOutEvaluation(
            step=step,
            divergence=0.0,
            base_kl=0.0,
            score=float(score),
            training=0.0,
            norm=1.0,
            length=length,
        )
        for step, (score, length) in enumerate(zip(scores, lengths, strict=True))
    ]


def test_what_gets_better_is_not_stale():
    assert [evaluations_without_gain(history(1, 2, 3)[:n]) for n in (1, 2, 3)] == [0, 0, 0]


def test_evaluations_since_the_best_are_counted_and_equals_are_no_better():
    assert evaluations_without_gain(history(1, 3, 2, 3, 1)) == 3


def test_a_longer_prompt_has_all_its_patience():
    lengths = [3, 3, 3, 4, 4]
    assert evaluations_without_gain(history(5, 4, 4, 4, 4, lengths=lengths)) == 1
    assert evaluations_without_gain(history(5, 4, 4, 4, 6, lengths=lengths)) == 0


def test_a_token_that_no_step_was_taken_with_yet_is_not_judged():
    assert evaluations_without_gain(history(5, 4, 4, lengths=[3, 3, 4])) == 0


def test_a_token_is_added_after_the_last():
    prompt, token = torch.arange(6.0).view(2, 3), torch.full((1, 3), 9.0)
    longer = append_token(prompt, token)
    assert torch.equal(longer[:2], prompt)
    assert longer[2].tolist() == [9, 9, 9]
