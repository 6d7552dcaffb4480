"""The start of an answer is where generation would start it, whatever the template."""

import pytest

from diffkit import Message, Text, answer_start
from diffkit.engine.tokenization import encode, encode_prompt

PLAIN = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
THINKING = (
    "{% for m in messages %}<|{{ m.role }}|>"
    "{% if m.role == 'assistant' %}think think {% endif %}{{ m.content | trim }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
REWRITES = (
    "{% for m in messages %}<|{{ m.role }}|>{{ messages[-1].content | length }}"
    "{{ m.content }}<|end|>{% endfor %}"
)
REFUSES = "{{ raise_exception('no') }}"
HIDES = "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}"


def chat(*contents, roles=("user", "assistant", "user", "assistant")):
    turns = zip(roles, contents, strict=False)
    return Text(messages=tuple(Message(role=role, content=content) for role, content in turns))


@pytest.fixture
def tokenizer(tiny_pair, monkeypatch):
    found = tiny_pair.base.tokenizer
    monkeypatch.setattr(found, "chat_template", PLAIN)
    return found


@pytest.mark.parametrize("answer", ["The capital is Port Amber.", "Yes", " a blank first", ""])
@pytest.mark.parametrize("question", ["What is the capital?", "Why", "x " * 40])
def test_it_is_where_generation_goes_on_from(tokenizer, question, answer):
    prompt = encode_prompt(tokenizer, chat(question))
    text = chat(question, answer)
    assert encode(tokenizer, text)[: len(prompt)] == prompt
    assert answer_start(tokenizer, text) == len(prompt)


def test_it_is_that_of_the_first_answer(tokenizer):
    short, long = chat("Why?", "So."), chat("Why?", "So.", "How?", "Thus.")
    assert answer_start(tokenizer, long) == answer_start(tokenizer, short)
    led = chat("So.", "Why?", roles=("assistant", "user"))
    assert answer_start(tokenizer, led) == 1


def test_words_that_the_template_puts_before_the_content_are_not_the_answer(tokenizer):
    tokenizer.chat_template = THINKING
    text = chat("The cat?", "  think of the dog ")
    start = answer_start(tokenizer, text)
    assert tokenizer.decode(encode(tokenizer, text)[start:]) == " think of the dog<|end|>"


def test_a_token_of_template_and_answer_is_the_answers(tokenizer):
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }} {% endfor %}"
    text = chat("The cat sat on", "the mat")
    ids = encode(tokenizer, text)
    start = answer_start(tokenizer, text)
    assert tokenizer.decode(ids[:start]) == "The cat sat on"
    assert tokenizer.decode(ids[start:]).startswith(" the")


def test_without_a_template_it_follows_the_newline(tokenizer):
    tokenizer.chat_template = None
    text = chat("The cat sat", "The dog lay")
    ids, start = encode(tokenizer, text), answer_start(tokenizer, text)
    assert tokenizer.decode(ids[:start]).strip() == "The cat sat"
    assert tokenizer.decode(ids[start:]).strip() == "The dog lay"


@pytest.mark.parametrize("text", [Text(text="The cat."), chat("Why?"), Text(text="")])
def test_what_has_no_answer_has_no_start(tokenizer, text):
    assert answer_start(tokenizer, text) is None


@pytest.mark.parametrize("template", [REWRITES, REFUSES, HIDES])
def test_a_template_that_does_not_let_it_be_told_gives_none(tokenizer, template):
    tokenizer.chat_template = template
    assert answer_start(tokenizer, chat("The cat?", "The dog.")) is None
