import hashlib

import pytest
import torch
from diffkit_plugins.soft_prompt_kl.soft_prompt import (
    EmbeddingStatistics,
    initial_prompt,
    initial_prompt_from_text,
    limit_norms,
)
from diffkit_plugins.soft_prompt_kl.training.batches import seeded_generator

from diffkit import UserError


@pytest.fixture
def table(tiny_model):
    return tiny_model.embed(torch.arange(tiny_model.vocabulary)[None])[0]


@pytest.fixture
def vocabulary(tiny_model):
    return EmbeddingStatistics.of(tiny_model, tiny_model.vocabulary)


def test_statistics_are_those_of_the_whole_table(vocabulary, table, monkeypatch, tiny_model):
    assert vocabulary.deviation == pytest.approx(float(table.double().std(correction=0)))
    assert vocabulary.median == pytest.approx(float(table.norm(dim=1).median()))
    assert vocabulary.limit(1.0) == pytest.approx(float(table.norm(dim=1).max()))
    assert vocabulary.digest == hashlib.sha256(table.numpy().tobytes()).hexdigest()
    monkeypatch.setattr("diffkit_plugins.soft_prompt_kl.soft_prompt._ROWS", 7)
    assert EmbeddingStatistics.of(tiny_model, tiny_model.vocabulary).digest == vocabulary.digest


def test_a_start_in_the_vocabulary_is_of_tokens_that_are_not_special(tiny_model, vocabulary, table):
    prompt = initial_prompt(tiny_model, vocabulary, 50, "vocabulary", seeded_generator(1))
    places = [(table == row).all(dim=1).nonzero()[0].item() for row in prompt]
    assert not set(places) & set(tiny_model.tokenizer.all_special_ids)
    assert len(set(places)) > 20


def test_a_normal_start_has_the_vocabularys_median_norm(tiny_model, vocabulary):
    prompt = initial_prompt(tiny_model, vocabulary, 5, "normal", seeded_generator(1))
    torch.testing.assert_close(prompt.norm(dim=1), torch.full((5,), vocabulary.median))


def test_a_start_from_a_text_is_of_its_first_tokens_over_and_over(tiny_model, vocabulary, table):
    ids = tiny_model.tokenizer("The cat sat", add_special_tokens=False).input_ids
    assert len(ids) > 2
    shorter = initial_prompt_from_text(tiny_model, vocabulary, 2, "The cat sat")
    assert torch.equal(shorter, table[ids[:2]])
    longer = initial_prompt_from_text(tiny_model, vocabulary, len(ids) + 1, "The cat sat")
    assert torch.equal(longer, table[[*ids, ids[0]]])


def test_a_text_of_tokens_that_one_side_lacks_is_an_error(tiny_model):
    few = EmbeddingStatistics.of(tiny_model, 1)
    with pytest.raises(UserError, match=r"'The cat' of initialisation has no token"):
        initial_prompt_from_text(tiny_model, few, 2, "The cat")


def test_starts_depend_on_their_key_alone(tiny_model, vocabulary):
    kinds = ("vocabulary", "normal")
    for kind in kinds:
        one, same, other = (
            initial_prompt(tiny_model, vocabulary, 4, kind, seeded_generator(0, "start", number))
            for number in (0, 0, 1)
        )
        assert torch.equal(one, same)
        assert not torch.equal(one, other)


def test_longer_tokens_are_shortened_and_shorter_ones_left():
    prompt = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    torch.testing.assert_close(limit_norms(prompt, 1.0), torch.tensor([[0.6, 0.8], [0.3, 0.4]]))
