"""Each message's words have their label under every template and tokenizer."""

from itertools import groupby

import pytest

from diffkit import Message, Text, position_labels
from diffkit.engine.tokenization import encode

ROLES = {"system": "system", "user": "user", "assistant": "answer"}
SYSTEM = ("system", "Speak briefly to the user.")
CHATS = {
    "one answer": (("user", "What is the capital?"), ("assistant", "It is Port Amber.")),
    "several": (
        ("user", "The cat sat\non the mat: assistant"),
        ("assistant", "Yes."),
        ("user", "Yes."),
        ("assistant", "naïve café, ½ of it"),
    ),
    "spaces": (("user", " Why is it so?\n"), ("assistant", "  It just is. ")),
    "no answer": (("user", "system\nuser\nassistant"),),
}


def labelled(tokenizer, turns):
    """The words of each run of tokens with one label."""
    text = Text(messages=tuple(Message(role=role, content=words) for role, words in turns))
    ids, labels = encode(tokenizer, text), position_labels(tokenizer, text)
    assert len(ids) == len(labels)
    runs = groupby(zip(labels, ids, strict=True), key=lambda pair: pair[0])
    return [(label, tokenizer.decode([token for _, token in run])) for label, run in runs]


def expected(turns):
    return [(ROLES[role], words.strip()) for role, words in turns]


def said(runs):
    """The words that messages have, without the spaces around them."""
    return [(label, words.strip()) for label, words in runs if label != "template"]


@pytest.mark.parametrize("turns", CHATS.values(), ids=CHATS)
def test_each_messages_words_have_its_label_and_the_rest_is_the_templates(tokenizer, turns):
    assert said(labelled(tokenizer, turns)) == expected(turns)


def test_a_systems_words_are_the_systems_where_a_chat_holds_them(family, tokenizer):
    if not family.takes_system:
        pytest.skip("the template refuses a system's message")
    turns = (SYSTEM, *CHATS["several"])
    assert said(labelled(tokenizer, turns)) == expected(turns)
    bare = labelled(tokenizer, CHATS["several"])
    assert "system" not in [label for label, _ in bare]


def test_offsets_and_parts_agree(tokenizer, monkeypatch):
    texts = [
        Text(messages=tuple(Message(role=role, content=words) for role, words in turns))
        for turns in CHATS.values()
    ]
    quick = [position_labels(tokenizer, text) for text in texts]
    monkeypatch.setattr(type(tokenizer), "is_fast", False)
    for text, labels in zip(texts, quick, strict=True):
        slow = position_labels(tokenizer, text)
        assert len(slow) == len(labels)
        differing = [pair for pair in zip(slow, labels, strict=True) if pair[0] != pair[1]]
        # A token of both, or of spaces alone, may go the other way.
        assert len(differing) <= 2 * len(text.messages)
        assert [label for label, _ in groupby(slow) if label != "template"] == [
            label for label, _ in groupby(labels) if label != "template"
        ]
