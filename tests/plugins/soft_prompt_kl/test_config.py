"""Options that do not fit are refused, with what to set."""

import pytest
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from pydantic import ValidationError


def test_a_length_that_no_step_is_left_for_is_refused():
    with pytest.raises(
        ValidationError, match=r"max_n_tokens=12 can never .* 3 × 10 = 30 .* steps=30; set steps"
    ):
        SoftPromptKLConfig(max_n_tokens=12)
    assert SoftPromptKLConfig(max_n_tokens=12, steps=31).max_n_tokens == 12
    assert SoftPromptKLConfig(max_n_tokens=12, patience=2).max_n_tokens == 12
    assert SoftPromptKLConfig(steps=5).max_n_tokens is None


@pytest.mark.parametrize("value", ["vocabulary", "normal"])
def test_random_starts_have_no_text(value):
    assert SoftPromptKLConfig(initialisation=value).initial_text is None


def test_a_text_to_start_from_keeps_its_colons():
    assert SoftPromptKLConfig(initialisation="text:Say: no").initial_text == "Say: no"


@pytest.mark.parametrize("value", ["text:", "text: ", "text", "random", "Text:a", "vocabulary:a"])
def test_other_starts_and_no_text_are_refused(value):
    with pytest.raises(ValidationError, match="should be vocabulary, normal, or text: with words"):
        SoftPromptKLConfig(initialisation=value)
