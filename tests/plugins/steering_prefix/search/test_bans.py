import pytest
from diffkit_plugins.steering_prefix.search.bans import (
    BannedWords,
    normalise_text,
    normalised_words,
)
from diffkit_plugins.steering_prefix.search.token_space import is_printable

from diffkit import UserError


@pytest.mark.parametrize(
    "text",
    [
        "cat",
        " Cat",
        "CATS!",
        "concatenate",
        "c.a.t",
        "c a t",
        "magic at",
        "ca\u200bt",
        "ca-\nt",
        "ｃａｔ",
        "cát",
        "𝐜𝐚𝐭",
        "c~a|t",
        "c^at",
    ],
)
def test_a_banned_word_is_heard_in_any_form(text):
    assert BannedWords.of(["Cat"]).occur_in(text)


@pytest.mark.parametrize("text", ["", "dog", "c", "act", "ca", "taxi"])
def test_other_words_are_not(text):
    assert not BannedWords.of(["Cat"]).occur_in(text)


def test_a_short_word_is_heard_by_itself_only():
    bans = BannedWords.of(["at"])
    assert bans.occur_in("look At!")
    assert bans.occur_in("look-at,that")
    assert not bans.occur_in("cat")


def test_words_that_need_no_spaces_are_heard_anywhere_however_short():
    bans = BannedWords.of(["猫", "🐈"])
    assert bans.occur_in("小猫")
    assert bans.occur_in("nice🐈")
    assert not bans.occur_in("小狗")


def test_a_word_with_symbols_is_itself_with_them_alone():
    assert BannedWords.of(["C++"]).occur_in("in c++.")
    assert not BannedWords.of(["C++"]).occur_in("a cat")


def test_a_phrase_counts_as_one_word():
    bans = BannedWords.of(["port amber"])
    assert bans.occur_in("PortAmber")
    assert not bans.occur_in("amber port")


def test_a_letter_that_casefolds_to_two_is_heard():
    assert BannedWords.of(["straße"]).occur_in("STRASSE")


def test_what_has_no_letter_cannot_be_banned():
    with pytest.raises(UserError, match="'!'") as refused:
        BannedWords.of(["cat", "!"])
    assert "printable" not in refused.value.hint  # it allows punctuation


def test_bans_add_up_once_each():
    assert BannedWords.of(["cat", "Cat "]).union(BannedWords.of(["dog", "cat"])).normalised == (
        "cat",
        "dog",
    )


def test_without_bans_everything_may_be_said():
    assert not BannedWords.of([]).occur_in("cat")


def test_skeletons_leave_out_space_punctuation_and_accents():
    assert normalise_text(" Ça va-t-il? ") == "cavatil"
    assert normalised_words("Talk, about cats.") == {"talk", "about", "cats"}


@pytest.mark.parametrize("text", ["Talk about cats.", "naïve 5%", " a+b=c", "猫 は", "हिन्दी"])
def test_letters_digits_and_punctuation_are_printable(text):
    assert is_printable(text)


@pytest.mark.parametrize("text", ["a  b", "a\nb", "\ue386", "🐈", "a\u200bb", "e\u0301", "\x1b"])
def test_what_a_chat_window_may_change_is_not(text):
    assert not is_printable(text)
