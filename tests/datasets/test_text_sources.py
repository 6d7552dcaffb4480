"""Texts by what the command line and suites call them."""

import json
from pathlib import Path

import pytest
from datasets import Dataset as Table

from diffkit.datasets.dataset import Dataset
from diffkit.datasets.text_sources import (
    TextSource,
    parse_path_or_dataset,
    parse_text_source,
    read_sources,
    read_texts,
)
from diffkit.errors import BadFile, UserError
from diffkit.texts import Texts

ROWS = [{"text": f"Number {n}.", "body": f"Body {n}."} for n in range(5)]
TEXTS = Texts.of(*(row["text"] for row in ROWS))
BODIES = Texts.of(*(row["body"] for row in ROWS))


@pytest.fixture(autouse=True)
def rows(tmp_path, monkeypatch):
    """The same rows in two files, and the library's cache beside them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    Table.from_list(ROWS).to_parquet("rows.parquet")
    Path("rows.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS))
    Path("plain.jsonl").write_text("\n".join(json.dumps({"text": row["text"]}) for row in ROWS))


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("texts.jsonl", Path("texts.jsonl")),
        ("a:b.jsonl", Path("a:b.jsonl")),
        ("rows.parquet", Dataset(at="rows.parquet")),
        ("hf:org/name", Dataset(at="org/name")),
        ("hf:org/name:en", Dataset(at="org/name", config="en")),
        ("hf:org/name::test", Dataset(at="org/name", split="test")),
        (
            "hf:Salesforce/wikitext:wikitext-2-raw-v1:train:text",
            Dataset(at="Salesforce/wikitext", config="wikitext-2-raw-v1"),
        ),
        ("hf:rows.jsonl:::body", Dataset(at="rows.jsonl", column="body")),
    ],
)
def test_a_name_says_where_the_texts_lie(value, source):
    assert parse_path_or_dataset(value) == source


@pytest.mark.parametrize("value", ["hf:", "hf::en", "hf:a:b:c:d:e"])
def test_a_name_of_another_form_is_refused_with_an_example(value):
    with pytest.raises(UserError, match=r"is not hf:DATASET:CONFIG:SPLIT:COLUMN\. Try: hf:Sales"):
        parse_path_or_dataset(value)


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("plain.jsonl", TEXTS),
        ("rows.parquet", TEXTS),
        ("hf:rows.parquet", TEXTS),
        ("hf:rows.jsonl", TEXTS),
        ("hf:rows.parquet:::body", BODIES),
    ],
)
def test_the_same_rows_are_the_same_texts_from_any_file(value, texts):
    assert read_texts(parse_path_or_dataset(value), None).digest == texts.digest
    assert read_texts(parse_path_or_dataset(value), 2) == texts.first(2)
    assert read_texts(parse_path_or_dataset(value), 99) == texts


def test_the_smaller_limit_holds():
    for own, given in ((1, 3), (3, 1), (1, None), (None, 1)):
        assert len(read_texts(Dataset(at="rows.parquet", limit=own), given)) == 1


def test_no_source_is_the_texts_that_ship():
    assert read_texts(None, None) == Texts.default()
    assert len(read_texts(None, 3)) == 3


def test_what_is_missing_is_named():
    with pytest.raises(BadFile, match=r"none\.jsonl: cannot be read"):
        read_texts(parse_path_or_dataset("none.jsonl"), None)
    with pytest.raises(UserError, match=r"There is no dataset 'none\.parquet'"):
        read_texts(parse_path_or_dataset("none.parquet"), None)


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("plain.jsonl", TextSource(source=Path("plain.jsonl"))),
        ("code=plain.jsonl", TextSource(source=Path("plain.jsonl"), category="code")),
        ("a-b=rows.parquet", TextSource(source=Dataset(at="rows.parquet"), category="a-b")),
        ("hf:org/a=b", TextSource(source=Dataset(at="org/a=b"))),
        (
            "web=hf:org/name:en",
            TextSource(source=Dataset(at="org/name", config="en"), category="web"),
        ),
        ("lr=3/plain.jsonl", TextSource(source=Path("3/plain.jsonl"), category="lr")),
        ("./lr=3/plain.jsonl", TextSource(source=Path("lr=3/plain.jsonl"))),
    ],
)
def test_a_name_may_say_the_category(value, source):
    assert parse_text_source(value) == source


def test_a_file_whose_own_name_has_the_sign_is_that_file():
    Path("lr=3.jsonl").write_text('{"text": "a"}')
    assert parse_text_source("lr=3.jsonl") == TextSource(source=Path("lr=3.jsonl"))


def test_a_category_without_texts_is_refused_with_an_example():
    with pytest.raises(UserError, match=r"'code=' names a category.*Try: code=texts\.jsonl"):
        parse_text_source("code=")


def test_several_sources_keep_their_order_and_each_text_its_own_category():
    Path("own.jsonl").write_text('{"text": "a"}\n{"text": "b", "category": "mine"}\n{"text": "c"}')
    names = ["x=own.jsonl", "y=hf:rows.parquet:::body", "own.jsonl"]
    texts = read_sources([parse_text_source(name) for name in names], 2)
    assert [(str(text), text.category) for text in texts.items] == [
        ("a", "x"),
        ("b", "mine"),
        ("Body 0.", "y"),
        ("Body 1.", "y"),
        ("a", None),
        ("b", "mine"),
    ]


def test_a_source_without_a_category_leaves_texts_as_they_are():
    assert read_sources([parse_text_source("plain.jsonl")], None).digest == TEXTS.digest


def test_a_source_is_found_beside_a_file():
    folder = Path("sub")
    for name in ("c=a.jsonl", "c=a.parquet"):
        moved = parse_text_source(f"c=sub/{name.partition('=')[2]}")
        assert parse_text_source(name).beside(folder) == moved
    assert parse_text_source("hf:org/name").beside(folder) == parse_text_source("hf:org/name")


def test_the_end_of_a_name_counts_in_capitals_too(tmp_path):
    path = tmp_path / "TEXTS.CSV"
    path.write_text("text\nOne.\n")
    assert read_texts(parse_path_or_dataset(str(path)), None) == Texts.of("One.")


def test_a_file_may_have_colons_in_its_name(tmp_path):
    path = tmp_path / "a:b.jsonl"
    path.write_text('{"body": "One."}\n')
    assert read_texts(parse_path_or_dataset(f"hf:{path}::train:body"), None) == Texts.of("One.")


def test_a_dataset_that_cannot_be_read_says_why(tmp_path):
    path = tmp_path / "half.jsonl"
    path.write_text('{"text": "a \\ud83d b"}\n')
    with pytest.raises(UserError, match=r"surrogate.*without hf:"):
        read_texts(parse_path_or_dataset(f"hf:{path}"), None)
    assert read_texts(path, None) == Texts.of("a � b")
