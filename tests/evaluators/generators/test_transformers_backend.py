from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from diffkit_evaluators.generators.config import TransformersConfig
from diffkit_evaluators.generators.transformers_backend import TransformersBackend

from diffkit import Message, Sampling, Text, UserError
from diffkit.organism import Identical

SAMPLING = Sampling(max_new_tokens=12)
PROMPTS = ["The cat sat", "Every morning", Text(messages=(Message(role="user", content="Who?"),))]


@pytest.fixture
def opened(pair_source):
    source = pair_source()
    with TransformersBackend().open(source, TransformersConfig(batch_size=2)) as generators:
        yield generators


def test_completions_are_those_of_the_models(opened, tiny_pair):
    assert opened.base.generate(PROMPTS, SAMPLING) == tiny_pair.base.generate(PROMPTS, SAMPLING)
    finetuned = opened.finetuned.generate(PROMPTS, SAMPLING)
    assert finetuned == tiny_pair.finetuned.generate(PROMPTS, SAMPLING)
    assert finetuned != opened.base.generate(PROMPTS, SAMPLING)


def test_identical_sides_answer_alike(pair_source):
    with TransformersBackend().open(pair_source(Identical()), TransformersConfig()) as generators:
        base, finetuned = (
            side.generate(PROMPTS, SAMPLING) for side in (generators.base, generators.finetuned)
        )
    assert base == finetuned


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_embeddings_of_a_prompt_go_on_as_the_prompt_does(opened, tiny_pair, temperature):
    sampling = SAMPLING.model_copy(update={"temperature": temperature, "seed": 3})
    prompts = ["The cat sat on the mat", "Every", "What is"]
    rows = [torch.tensor([tiny_pair.base.tokenizer(prompt)["input_ids"]]) for prompt in prompts]
    embeddings = [tiny_pair.finetuned.embed(row)[0] for row in rows]
    by_words = opened.finetuned.generate(prompts, sampling)
    by_embeddings = opened.finetuned.generate_from(embeddings, sampling)
    assert [one.text for one in by_embeddings] == [one.text for one in by_words]
    assert {one.prompt for one in by_embeddings} == {""}


def test_nothing_is_asked_and_nothing_answered(opened):
    assert opened.base.generate([], SAMPLING) == ()
    assert opened.base.generate_from([], SAMPLING) == ()


@pytest.mark.parametrize("shape", [(0, 32), (3, 31)])
def test_embeddings_that_do_not_fit_are_refused(opened, shape):
    with pytest.raises(UserError, match="at least one token, each of this model's width 32"):
        opened.base.generate_from([torch.zeros(2, 32), torch.zeros(shape)], SAMPLING)


def test_gradients_do_not_reach_embeddings(opened):
    opened.base.generate_from([torch.zeros(2, 32, requires_grad=True)], SAMPLING)


def test_two_threads_ask_both_sides_at_once(opened):
    sides = [opened.base, opened.finetuned]
    alone = [side.generate(PROMPTS, SAMPLING) for side in sides]
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(sides[n % 2].generate, PROMPTS, SAMPLING) for n in range(24)]
        assert [one.result() for one in asked] == alone * 12
