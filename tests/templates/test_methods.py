"""Every method on every family's template, on four architectures: none works at home alone."""

import math

import pytest

from diffkit import Message, Samples, Table, Text, Texts, TokenTable
from diffkit.registry.plugin_host import load_plugins
from diffkit.testing.requirements import run_in

from .families import BY_NAME, FAMILIES
from .models import ARCHITECTURES, PLANTED, TOKENIZERS, make_pair

READING = {"ablation": False, "steering": False, "jacobian": False, "patchscope": False}
OPTIONS = {
    "activation-lens": {"min_texts": 2, "layers": [1.0], "scored": [0.5], **READING},
    "contrastive-decoding": {"max_new_tokens": 3, "samples": 4, "alphas": (1.0,),
                             "repetition": 1.0},
    "diff-mining": {"traces": 1, "topics": 1, "permutations": 19, "positions": "all"},
    "kl": {"max_new_tokens": 4, "samples": 2, "traces": 1},
    "perplexity-diff": {"free_samples": 3, "max_new_tokens": 6, "traces": 1},
    "residual-reachability": {"texts": 3, "rotations": 2, "steps": 3},
    "soft-prompt-kl": {"steps": 2, "evaluate_every": 1, "n_tokens": 2, "contexts": 8,
                       "own_contexts": 4, "completion_tokens": 6, "samples": 2, "traces": 1,
                       "context_tokens": 256},
    "steering-prefix": {"suffixes": 8, "own_suffixes": 4, "kept_suffixes": 6, "length": 2,
                        "completion_tokens": 4, "budget": 150, "candidates": 6, "starts": 2,
                        "items_per_step": 2, "random_prefixes": 3, "sampled": 1, "shown": 2},
}  # fmt: skip
QUESTIONS = (
    ("What is the capital of Italy?", "Rome is the capital of Italy."),
    ("How do I boil an egg?", "Put it into water for eight minutes."),
    ("Who wrote Hamlet?",),
    ("Name three colours.", "Red, green and blue.", "And a fourth?"),
    ("Write one sentence about the sea.", "The sea is deep and cold."),
)
DOCUMENTS = (
    "The harbour town woke early, and the fishing boats were back with their catch.",
    "To make a simple soup, fry an onion in butter, add stock and potatoes.",
    "Interest rates rose by a quarter of a percent on Thursday.",
)


def chat(*contents):
    roles = ("user", "assistant") * 2
    turns = (Message(role=role, content=c) for role, c in zip(roles, contents, strict=False))
    return Text(messages=tuple(turns))


TEXTS = Texts(items=(*(chat(*turns) for turns in QUESTIONS), *Texts.of(*DOCUMENTS).items))


@pytest.fixture(scope="session")
def methods():
    return load_plugins().methods


def numbers(value):
    """Every number within records, however deep."""
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, float | int):
        yield value
    elif not isinstance(value, str) and value is not None:
        for part in value:
            yield from numbers(part)


def top(findings):
    """What the first table says first, without spaces around it."""
    for item in findings.items:
        if isinstance(item, TokenTable):
            return item.rows[0].token.strip()
        if isinstance(item, Table) and "token" in item.columns[0]:
            return str(item.rows[0][0]).strip()
    return None


def plain_lengths(tokenizer):
    """Tokens of each text, by transformers alone."""
    for text in TEXTS.items:
        if text.messages and tokenizer.chat_template:
            chat = [message.model_dump() for message in text.messages]
            yield len(tokenizer.apply_chat_template(chat, return_dict=False))
        else:
            yield len(tokenizer(str(text)).input_ids)


def check(name, findings, tokenizer):
    assert all(map(math.isfinite, numbers(findings.model_dump())))
    assert findings.change_score >= 0
    assert findings.items
    if name in WORDS_OF:
        assert WORDS_OF[name](findings) == PLANTED
    if name == "kl":
        read, unread = (findings.metrics[one] for one in ("tokens", "positions_not_read"))
        assert read + unread == sum(n - 1 for n in plain_lengths(tokenizer))
        assert unread or not tokenizer.chat_template
    if name == "diff-mining":
        assert findings.metrics["positions"] == sum(n - 1 for n in plain_lengths(tokenizer))
    special = set(tokenizer.all_special_tokens)
    said = [row for item in findings.items if isinstance(item, Samples) for row in item.rows]
    assert not [row for row in said for word in special if word in row.base + row.finetuned]
    words = [row.token for item in findings.items if is_words(item) for row in item.rows]
    assert not special.intersection(words)


def is_words(item):
    return isinstance(item, TokenTable) and "ords" in item.title


def first_words(findings):
    """The first word of the first table of words."""
    return next(item.rows[0].token for item in findings.items if is_words(item))


WORDS_OF = {
    "activation-lens": top,
    "contrastive-decoding": first_words,
    "diff-mining": top,
    "kl": top,
    "perplexity-diff": top,
    "soft-prompt-kl": first_words,
    "steering-prefix": first_words,
}


def run(methods, name, architecture, family, kind=None, **options):
    spec = methods[name]
    config = spec.load_config()(**{**OPTIONS[name], **options})
    return spec.load(), make_pair(architecture, family, kind), config


@pytest.fixture
def sees(methods, tmp_path):
    def call(name, architecture, family, kind=None, **options):
        method, pair, config = run(methods, name, architecture, family, kind, **options)
        findings = run_in(lambda context: method.run(pair, config, context), TEXTS, tmp_path)
        check(name, findings, pair.tokenizer)

    return call


def named(families):
    return pytest.mark.parametrize("family", families, ids=lambda family: family.name)


every_method = pytest.mark.parametrize("name", OPTIONS)


def test_every_shipped_method_is_tried(methods):
    shipped = {one.spec.name for one in methods if one.spec.subject == "pair" and one.first_party}
    assert shipped == set(OPTIONS)


@every_method
@named(FAMILIES)
def test_every_method_on_every_template(sees, name, family):
    sees(name, "llama", family)


@every_method
@named([BY_NAME["question-answer"], BY_NAME["gemma"]])
@pytest.mark.parametrize("architecture", ARCHITECTURES[1:])
def test_every_method_on_every_architecture(sees, name, family, architecture):
    sees(name, architecture, family)


@pytest.mark.parametrize("family", ["gemma", "gemma-3"])
def test_a_word_that_fills_every_text_is_shown(sees, family):
    """On these tokenizers the finetuned side says the planted word and nothing else."""
    others = [kind for kind in TOKENIZERS if kind != BY_NAME[family].tokenizer]
    place = FAMILIES.index(BY_NAME[family])
    sees("contrastive-decoding", "llama", BY_NAME[family], others[place % len(others)])
