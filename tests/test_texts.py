"""Texts and what they are known by."""

import hashlib

import pytest

from diffkit.errors import BadFile
from diffkit.texts import Message, Text, Texts


def test_they_are_known_by_content_and_order(tmp_path):
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text(
            '{"text": "one"}\n\n{"messages": []}\n'.replace(
                '{"messages": []}', '{"messages": [{"role": "user", "content": "Hi"}]}'
            )
        )
    first, second = (Texts.read(tmp_path / name) for name in ("a.jsonl", "b.jsonl"))
    assert first.digest == second.digest
    made = Texts(items=(Text(text="one"), Text(messages=(Message(role="user", content="Hi"),))))
    assert made.digest == first.digest
    assert Texts(items=made.items[::-1]).digest != made.digest
    assert made.first(1).digest == Texts.of("one").digest != made.digest
    assert [str(text) for text in made.items] == ["one", "Hi"]


def test_a_text_without_a_category_is_known_as_ever():
    chat = Text(messages=(Message(role="user", content="Hi"),))
    texts = Texts(items=(Text(text="one"), chat))
    lines = '{"text":"one"}\n{"messages":[{"role":"user","content":"Hi"}]}'
    assert texts.digest == hashlib.sha256(lines.encode()).hexdigest()


def test_a_category_is_part_of_the_content(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "one", "category": "code"}\n{"text": "one"}\n')
    named, bare = Texts.read(path).items
    assert (named.category, bare.category, str(named)) == ("code", None, str(bare))
    assert Texts(items=(named,)).digest != Texts(items=(bare,)).digest == Texts.of("one").digest


def test_the_default_has_sixty():
    assert len(Texts.default()) == 60


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no text"),
        (b"\n\n", "holds no text"),
        (b'{"text": "a"}\n{"text":', ":2: is not JSON"),
        (b'{"text": "a"}\n3', ":2: Input should be a valid dictionary"),
        (b'{"txt": "a"}', ":1: txt: there is no such field. Did you mean 'text'"),
        (b'{"text": 3}', ":1: text: Input should be a valid string, got 3"),
        (b"{}", ":1: needs either 'text' or 'messages'"),
        (b'{"text": "a", "messages": [{"role": "user", "content": "b"}]}', ":1: needs either"),
        (b'{"messages": [{"role": "robot", "content": "b"}]}', ":1: messages.0.role: Input"),
        (b'{"text": "a", "category": ""}', ":1: category: String should have at least 1 char"),
        (b"\xff", "is not UTF-8"),
    ],
)
def test_a_bad_file_names_line_and_field(tmp_path, content, words):
    path = tmp_path / "texts.jsonl"
    path.write_bytes(content)
    with pytest.raises(BadFile) as caught:
        Texts.read(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_batches_hold_every_text_once_and_the_short_ones_first():
    texts = Texts.of("a long document", "x", "a word", "yy", "three words here")
    batches = texts.batches(2)
    assert batches == ((1, 3), (2, 0), (4,))
    assert texts.first(None) == texts
