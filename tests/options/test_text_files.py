"""Text, lines and JSON from outside."""

import json

import pytest

from diffkit.errors import BadFile
from diffkit.options.text_files import parse_json, read_lines, read_text, writable
from diffkit.options.yaml_records import read_record
from diffkit.organism import Record, Source


class Place(Record):
    """A record."""

    name: str
    """A name."""


@pytest.mark.parametrize("mark", ["\x85", "\u2028", "\u2029", "\v", "\f", "\x1c"])
def test_only_a_line_feed_ends_a_line(tmp_path, mark):
    path = tmp_path / "lines.jsonl"
    path.write_text(f"one{mark}more\n\n \r\ntwo", encoding="utf-8", newline="")
    assert list(read_lines(path)) == [(1, f"one{mark}more"), (4, "two")]


def test_a_byte_order_mark_is_not_text(tmp_path):
    path = tmp_path / "record.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: one\n")
    assert read_text(path) == "name: one\n"
    assert read_record(path, Place) == Place(name="one")
    path.write_bytes(b"\xef\xbb\xbfother: one\n")
    with pytest.raises(BadFile, match=r"record\.yaml:1: other: there is no such field"):
        read_record(path, Place)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r'"a \ud83d b"', "a � b"),
        (r'"\udc00"', "�"),
        (r'"\ud83d\ude00"', "😀"),
        (r'{"\ud83d": ["x", "\udfff"]}', {"�": ["x", "�"]}),
        ("[1, null, true]", [1, None, True]),
    ],
)
def test_what_is_read_can_be_written(written, read):
    assert parse_json(written) == read
    json.dumps(parse_json(written), ensure_ascii=False).encode()


def test_halves_that_meet_are_one_character():
    assert writable(["\ud83d\ude00", ("\ude00\ud83d",), 3]) == ["😀", ("��",), 3]


def test_a_record_can_be_written_whatever_its_strings_hold(tmp_path):
    assert Place(name="a \ud83d").model_dump_json() == '{"name":"a �"}'
    assert Place.model_validate({"name": "\udcff"}).name == "�"
    path = tmp_path / "record.yaml"
    path.write_text('name: "a \\ud83d b"\n')
    assert read_record(path, Place).name == "a � b"


def test_a_place_keeps_bytes_that_are_not_utf_8_and_is_written_without_them():
    source = Source(at="/models/caf\udce9")
    assert source.at.encode("utf-8", "surrogateescape") == b"/models/caf\xe9"
    assert source.model_dump_json(exclude_defaults=True) == '{"at":"/models/caf�"}'
