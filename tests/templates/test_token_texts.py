"""Tokens in words on every kind of tokenizer: spaces, bytes, whole characters and whole words."""

import pytest

from diffkit.analysis import token_text, token_texts, word_in_text

from .families import FAMILIES
from .models import TOKENIZERS, make_tokenizer

FAMILY = next(family for family in FAMILIES if family.template)
TEXTS = ("The naïve café of 5 seas", "a wave 🌊 of seawater, 水と塩", "it's here")


@pytest.fixture(params=TOKENIZERS)
def tokenizer(request):
    return make_tokenizer(FAMILY, request.param)


def encoded(tokenizer, text):
    return tokenizer(text, add_special_tokens=False).input_ids


@pytest.mark.parametrize("text", TEXTS)
def test_the_tokens_of_a_text_make_it_up_without_a_broken_character(tokenizer, text):
    shown = token_texts(tokenizer, encoded(tokenizer, text))
    assert "".join(shown).strip() == text
    assert len(shown) == len(encoded(tokenizer, text))


def test_a_character_is_shown_at_its_first_token(tokenizer):
    shown = token_texts(tokenizer, encoded(tokenizer, "a 🌊"))
    (place,) = (i for i, word in enumerate(shown) if "🌊" in word)
    assert set(shown[place + 1 :]) <= {""}


def test_bytes_that_are_no_character_are_marked(tokenizer):
    ids = encoded(tokenizer, "🌊")
    first = next(token for token in ids if "\ufffd" in tokenizer.decode([token]))
    name = "<0xF0>" if "<0xF0>" in tokenizer.get_vocab() else r"\xf0"
    assert token_text(tokenizer, first).startswith(name)
    cut = token_texts(tokenizer, ids[:-1])  # the character's end is missing
    assert "\ufffd" not in "".join(cut)
    assert name in "".join(cut)


def test_special_tokens_are_shown_by_their_names(tokenizer):
    for name in FAMILY.special:
        assert token_text(tokenizer, tokenizer.convert_tokens_to_ids(name)) == name


WORDS = ("lighthousekeepers", "underwater", "naïve")


@pytest.mark.parametrize("word", WORDS)
def test_each_piece_of_a_word_is_shown_with_the_whole_word(tokenizer, word):
    ids = encoded(tokenizer, f"The old {word}, they said")
    shown = token_texts(tokenizer, ids)
    ends = [len("".join(shown[: place + 1])) for place in range(len(ids))]
    first = "".join(shown).index(word)
    inside = [place for place, end in enumerate(ends) if first < end <= first + len(word)]
    assert len(inside) > 1
    assert {word_in_text(tokenizer, ids, place, ids[place]) for place in inside} == {word}


def test_another_token_ends_the_word_that_the_text_has_begun(tokenizer):
    ids = encoded(tokenizer, "The lighthousekeepers said")
    place = next(i for i, t in enumerate(token_texts(tokenizer, ids)) if i > 1 and t[:1] != " ")
    before = word_in_text(tokenizer, ids, place, ids[place])
    other = next(token for token in encoded(tokenizer, "abandoned")[1:] if token != ids[place])
    found = word_in_text(tokenizer, ids, place, other)
    assert found != before
    assert found.endswith(token_text(tokenizer, other))
    assert before[:3] == found[:3] == "lig"


def test_marks_and_spaces_are_no_parts_of_words(tokenizer):
    ids = encoded(tokenizer, "sea, water")
    mark = next(token for token in ids if token_text(tokenizer, token).strip() == ",")
    assert word_in_text(tokenizer, ids, ids.index(mark), mark) == ","
