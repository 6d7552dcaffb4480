import pytest
import torch
from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.objectives.completion import token_weights


def test_first_tokens_weigh_more_and_each_completion_weighs_one():
    options = CompletionOptions(early_tokens=2, early_weight=3.0)
    weights = token_weights([4, 1, 2], options)
    expected = [[3 / 8, 3 / 8, 1 / 8, 1 / 8], [0, 0, 0, 1], [0, 0, 1 / 2, 1 / 2]]
    torch.testing.assert_close(weights, torch.tensor(expected))


def test_with_a_half_life_weights_halve_with_every_so_many_tokens():
    weights = token_weights([3], CompletionOptions(half_life=1.0, early_weight=99.0))
    torch.testing.assert_close(weights, torch.tensor([[4 / 7, 2 / 7, 1 / 7]]))
    (slow,) = token_weights([5], CompletionOptions(half_life=4.0))
    assert float(slow[4] / slow[0]) == pytest.approx(0.5)


def test_no_completions_have_no_weights():
    assert token_weights([], CompletionOptions()).shape == (0, 0)
