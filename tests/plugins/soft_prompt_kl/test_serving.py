"""A trained prompt is served by whatever generator takes embeddings."""

import pytest
import torch
from diffkit_plugins.soft_prompt_kl.data import PromptContext
from diffkit_plugins.soft_prompt_kl.generation import complete, opening_ids, prompted_completions

from diffkit import Completion, Generator, Inputs, Message, Sampling, Text, UserError

TEXTS = ["What is the capital of the island?", "The cat"]


class Served(Generator):
    """Generates with a model in this process."""

    def __init__(self, model):
        self.model = model

    def generate(self, prompts, sampling):
        return self.model.generate(prompts, sampling)

    def generate_from(self, embeddings, sampling):
        return tuple(
            self.model.generate_from(
                Inputs(torch.ones(1, len(row), dtype=torch.bool), embeds=row[None]), sampling
            )[0]
            for row in embeddings
        )


class WithoutEmbeddings(Served):
    def generate_from(self, embeddings, sampling):
        raise UserError("This generator takes no embeddings.", hint="Take another.")


@pytest.mark.parametrize("side", ["base", "finetuned"])
def test_a_prompt_is_served_as_the_method_completes_with_it(tiny_pair, quick, side):
    model = getattr(tiny_pair, side)
    prompt = model.embed(torch.tensor([[40, 41, 42]]))[0] * 1.4
    sampling = Sampling(max_new_tokens=5)
    served = prompted_completions(Served(model), model, prompt, TEXTS, sampling)
    contexts = [
        PromptContext(opening_ids(model, text), text, "", n) for n, text in enumerate(TEXTS)
    ]
    config = quick(temperature=0, completion_tokens=5)
    wanted = complete(model, prompt, contexts, config, 0, model.vocabulary)
    assert [one.text for one in served] == [one.words for one in wanted]
    assert [one.prompt for one in served] == TEXTS
    assert all(isinstance(one, Completion) for one in served)


def test_without_a_prompt_a_chat_is_answered_as_ever(tiny_model):
    sampling = Sampling(max_new_tokens=5)
    chats = [Text(messages=(Message(role="user", content=text),)) for text in TEXTS]
    served = prompted_completions(Served(tiny_model), tiny_model, None, TEXTS, sampling)
    wanted = tiny_model.generate(chats, sampling)
    assert [one.text for one in served] == [one.text for one in wanted]


def test_long_texts_are_not_left_out(tiny_model):
    assert len(opening_ids(tiny_model, "cat " * 2_000)) > 2_000


def test_a_generator_without_embeddings_says_so(tiny_model):
    with pytest.raises(UserError, match="no embeddings"):
        prompted_completions(
            WithoutEmbeddings(tiny_model), tiny_model, None, TEXTS, Sampling(max_new_tokens=2)
        )


def test_a_text_that_a_template_refuses_is_told(tiny_model, monkeypatch):
    refusing = "{{ raise_exception('no') }}"
    monkeypatch.setattr(tiny_model.tokenizer, "chat_template", refusing)
    with pytest.raises(UserError, match="No chat"):
        opening_ids(tiny_model, "The cat")
