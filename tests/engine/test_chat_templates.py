"""Chat templates that read the clock, draw at random or refuse a chat; and long texts."""

import time
from datetime import datetime

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from diffkit import ChatRefused, Message, Text, Texts, render_chat
from diffkit.engine import tokenization
from diffkit.engine.chats.chat_template import TEMPLATE_DAY
from diffkit.engine.tokenization import encode, encode_prompt, refused_texts
from diffkit.errors import UserError
from diffkit.runs.readable_texts import readable_texts
from diffkit.training.chats import chat_ids

CHAT = Text(messages=(Message(role="user", content="Hi"),))
SYSTEM = Text(
    messages=(Message(role="system", content="Be short."), Message(role="user", content="Hi"))
)
TURNS = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
NO_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}" + TURNS
)


@pytest.fixture
def templated(tiny_pair, monkeypatch):
    found = tiny_pair.base.tokenizer

    def use(template):
        monkeypatch.setattr(found, "chat_template", template)
        return found

    return use


def test_a_template_reads_one_day_on_every_day(templated):
    tokenizer = templated("{{ strftime_now('%d %b %Y %H:%M:%S.%f') }}" + TURNS)
    words = render_chat(tokenizer, [{"role": "user", "content": "Hi"}])
    assert words == "01 Jan 2025 00:00:00.000000<|user|>Hi<|end|>"
    assert datetime(2025, 1, 1) == TEMPLATE_DAY
    first = encode(tokenizer, CHAT), encode_prompt(tokenizer, CHAT)
    time.sleep(0.002)
    assert (encode(tokenizer, CHAT), encode_prompt(tokenizer, CHAT)) == first
    assert list(chat_ids([{"role": "user", "content": "Hi"}], tokenizer)) == first[0]


@pytest.mark.parametrize(
    "template",
    ["{{ ['a', 'b'] | random }}", "{{ lipsum() }}", "{{ [['a']] | map('random') | join }}"],
)
def test_a_template_that_draws_at_random_is_refused(templated, template):
    with pytest.raises(ChatRefused, match="draws at random"):
        encode(templated(template + TURNS), CHAT)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (NO_SYSTEM, "System role not supported"),
        ("{{ messages[0].content + 3 }}", "can only concatenate str"),
        ("{{ undefined_thing.field }}", "undefined"),
        ("{% for m in messages %}", "Unexpected end of template"),
        ({"rag": TURNS, "tool_use": TURNS}, "no default"),
    ],
)
def test_a_refusal_names_the_chat_and_why(templated, template, why):
    with pytest.raises(UserError) as raised:
        encode(templated(template), SYSTEM)
    assert why in str(raised.value)
    assert "'Be short. Hi'" in str(raised.value)
    assert "Its turns: system, user." in str(raised.value)


def test_refused_chats_are_left_out_counted_and_named(templated, tiny_pair):
    templated(NO_SYSTEM)
    texts = Texts(items=(Text(text="One."), SYSTEM, CHAT, SYSTEM))
    found = readable_texts(tiny_pair, texts)
    assert found.texts == Texts(items=(Text(text="One."), CHAT))
    assert found.note.startswith("2 of 4 texts are left out")
    assert "the first is text 2" in found.note
    assert "System role not supported" in found.note
    assert sorted(refused_texts([tiny_pair.base.tokenizer], texts.items)) == [1, 3]
    with pytest.raises(UserError, match="refuses all 1 texts"):
        readable_texts(tiny_pair, Texts(items=(SYSTEM,)))
    plain = readable_texts(tiny_pair, Texts(items=(CHAT,)))
    assert (plain.texts.items, plain.note) == ((CHAT,), "")


CORPUS = [
    "The cat sat on the mat.  And\tlooked\n\n at 12345 grey ladders, aaaaaa!<|end|>" * 3,
    "Ein Käfer läuft; 漢字 und e\u0301 und 😀 — so weit, so gut." * 3,
]


def made(model, trainer, pre=None, norm=None):
    backend = Tokenizer(model)
    if pre is not None:
        backend.pre_tokenizer = pre
    if norm is not None:
        backend.normalizer = norm
    backend.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")


def tokenizers():
    special = {"vocab_size": 300, "special_tokens": ["<unk>", "<|end|>"], "show_progress": False}
    bpe, pieces = trainers.BpeTrainer(**special), trainers.WordPieceTrainer(**special)
    unigram = trainers.UnigramTrainer(**special, unk_token="<unk>")
    spaces = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return {
        "GPT-2": made(models.BPE(), bpe, pre_tokenizers.ByteLevel(add_prefix_space=False)),
        "Llama 2": made(models.BPE(unk_token="<unk>"), bpe, norm=spaces),
        "T5": made(models.Unigram(), unigram, pre_tokenizers.Metaspace(), normalizers.NFKC()),
        "one word": made(models.Unigram(), unigram),
        "BERT": made(
            models.WordPiece(unk_token="<unk>"), pieces, pre_tokenizers.BertPreTokenizer()
        ),
    }


@pytest.mark.parametrize("kind", ["GPT-2", "Llama 2", "T5", "one word", "BERT"])
def test_what_is_cut_off_before_tokenising_changes_no_token(monkeypatch, kind):
    monkeypatch.setattr(tokenization, "_LEAST_CHARACTERS", 300)
    monkeypatch.setattr(tokenization, "_CHARACTERS_PER_TOKEN", 2)
    tokenizer = tokenizers()[kind]
    base = "".join(CORPUS) * 2 + "a" * 700 + " " * 400 + "12345" * 90 + "<|end|>" * 40
    for start in range(0, 1200, 37):
        words = base[start:]
        whole = tokenizer(words)["input_ids"]
        for count in (1, 30, 120):
            assert encode(tokenizer, Text(text=words), count) == whole[:count]


def test_no_more_is_tokenised_than_is_needed(tiny_pair):
    tokenizer, seen = tiny_pair.base.tokenizer, []

    class Watched:
        chat_template = tokenizer.chat_template
        is_fast = True

        def __call__(self, words, **wanted):
            seen.append(len(words))
            return tokenizer(words, **wanted)

    sentence = "The cat sat on the mat. "
    ids = encode(Watched(), Text(text=sentence * 20_000), 256)
    assert ids == tokenizer(sentence * 200)["input_ids"][:256]
    assert sum(seen) < 25_000
