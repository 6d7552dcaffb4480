"""The lint of words: what it finds, and that the tree passes."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def words(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    import words

    yield words
    del sys.modules["words"]


@pytest.fixture
def banned(words):
    return words.read_words(ROOT / "tools" / "words.txt")


def test_the_tree_passes(words, banned):
    assert list(words.findings(banned)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The truth is told to whoever asks.", 2),
        ("It stands beside\nits controls.", 1),
        ("`whoever` is a word", 0),
        ("A paper, and an exam's date", 1),
    ],
)
def test_turns_of_phrase_are_found_outside_of_code(words, banned, text, found):
    assert len(list(words.in_prose(text, "docs/a.md", banned))) == found


def test_names_docstrings_comments_and_help_are_read(words, banned, tmp_path):
    source = tmp_path / "seats.py"
    source.write_text(
        '"""Takes whatever comes."""\n'
        "class Desk:  # whoever sits there\n"
        '    title: str = Option(help="Whatever you like.")\n'
        '    """Held against nulls."""\n'
        '    prompt = "Whatever enters a prompt stays."\n'
    )
    found = list(words._in_source(source, "seats.py", banned))
    assert len(found) == 6


def test_frozen_texts_are_exempt(words, banned, tmp_path):
    listed = tmp_path / "words.txt"
    listed.write_text("[prose]\n\\bwhoever\\b -> anyone\n[frozen]\na/*.py: stays whoever\n")
    read = words.read_words(listed)
    assert not list(words.in_prose("It stays whoever reads.", "a/b.py", read))
    assert list(words.in_prose("It goes to whoever reads.", "a/b.py", read))
