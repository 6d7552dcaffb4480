"""Texts and what they are known by."""

import hashlib
import json

import pytest

from diffkit.datasets.text_sources import parse_path_or_dataset, read_texts
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


def test_the_default_has_chats_with_answers_and_documents():
    texts = Texts.default()
    chats = [[turn.role for turn in text.messages] for text in texts.items if text.messages]
    assert (len(texts), len(chats), len(set(map(str, texts.items)))) == (183, 123, 183)
    assert all(roles == ["user", "assistant"] * (len(roles) // 2) for roles in chats)
    assert sum(len(roles) > 2 for roles in chats) == 10
    assert sum(bool(text.messages) for text in texts.first(16).items) == 11  # they alternate


def test_no_default_text_begins_or_ends_with_a_space():
    contents = [
        content
        for text in Texts.default().items
        for content in ((text.text,) if text.text else [turn.content for turn in text.messages])
    ]
    assert all(content and content == content.strip() for content in contents)


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


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\u0085"])
def test_a_string_may_hold_what_looks_like_the_end_of_a_line(tmp_path, mark):
    path, words = tmp_path / "texts.jsonl", f"One{mark}two."
    chat = [{"role": "user", "content": words}]
    lines = [{"text": words}, {"messages": chat, "category": f"a{mark}b"}]
    path.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines))
    document, turn = Texts.read(path).items
    assert (document.text, turn.messages[0].content, turn.category) == (words, words, f"a{mark}b")


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path):
    plain, windows = tmp_path / "plain.jsonl", tmp_path / "windows.jsonl"
    plain.write_bytes(b'{"text": "a"}\n{"text": "b"}\n')
    windows.write_bytes(b'\xef\xbb\xbf{"text": "a"}\r\n{"text": "b"}\r\n')
    assert Texts.read(windows) == Texts.read(plain)


def test_half_a_surrogate_pair_is_replaced(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text(
        '{"text": "a \\ud83d b"}\n{"messages": [{"role": "user", "content": "\\udc00"}]}'
    )
    document, chat = Texts.read(path).items
    assert (document.text, str(chat)) == ("a � b", "�")
    assert Text(text="a \ud83d b") == document
    assert Texts.read(path).digest == Texts(items=(document, chat)).digest


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ({"id": 7, "text": "a", "meta": {"source": "web"}}, {"text": "a"}),
        ({"text": "a", "content": "b", "message": "c"}, {"text": "a"}),
        (
            {"messages": [{"role": "user", "content": "Hi", "name": "ann", "weight": 1}], "id": 3},
            {"messages": [{"role": "user", "content": "Hi"}]},
        ),
        (
            {
                "conversations": [
                    {"from": "system", "value": "Be short."},
                    {"from": "human", "value": "Hi"},
                    {"from": "gpt", "value": "Hello."},
                ]
            },
            {
                "messages": [
                    {"role": "system", "content": "Be short."},
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": "Hello."},
                ]
            },
        ),
    ],
)
def test_further_fields_are_left_out(tmp_path, line, plain):
    for name, content in (("line", line), ("plain", plain)):
        (tmp_path / name).write_text(json.dumps(content))
    assert Texts.read(tmp_path / "line") == Texts.read(tmp_path / "plain")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"content": "a", "id": 3}, "has content, id. To read another column: hf:"),
        ({"text": "a", "catagory": "code"}, "catagory: there is no such field. Did you mean"),
        ({"mesages": []}, "mesages: there is no such field. Did you mean 'messages'"),
    ],
)
def test_a_column_of_another_name_is_named(tmp_path, line, words):
    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps(line))
    with pytest.raises(BadFile) as caught:
        Texts.read(path)
    assert words in str(caught.value)


def test_the_cure_for_a_column_of_another_name_reads_it(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text('{"body": "Words."}\n')
    with pytest.raises(BadFile) as caught:
        Texts.read(path)
    source = str(caught.value).rpartition(" ")[2]
    assert source == f"hf:{path}::train:body"
    assert read_texts(parse_path_or_dataset(source), None) == Texts.of("Words.")
