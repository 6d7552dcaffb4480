import pytest
from diffkit_plugins.steering_prefix.bans import Bans
from diffkit_plugins.steering_prefix.printable import printable
from diffkit_plugins.steering_prefix.words import skeleton, words

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
    assert Bans.of(["Cat"]).spoken(text)


@pytest.mark.parametrize("text", ["", "dog", "c", "act", "ca", "taxi"])
def test_other_words_are_not(text):
    assert not Bans.of(["Cat"]).spoken(text)


def test_a_short_word_is_heard_by_itself_only():
    bans = Bans.of(["at"])
    assert bans.spoken("look At!")
    assert bans.spoken("look-at,that")
    assert not bans.spoken("cat")


def test_words_that_need_no_spaces_are_heard_anywhere_however_short():
    bans = Bans.of(["猫", "🐈"])
    assert bans.spoken("小猫")
    assert bans.spoken("nice🐈")
    assert not bans.spoken("小狗")


def test_a_word_with_symbols_is_itself_with_them_alone():
    assert Bans.of(["C++"]).spoken("in c++.")
    assert not Bans.of(["C++"]).spoken("a cat")


def test_a_phrase_counts_as_one_word():
    bans = Bans.of(["port amber"])
    assert bans.spoken("PortAmber")
    assert not bans.spoken("amber port")


def test_a_letter_that_casefolds_to_two_is_heard():
    assert Bans.of(["straße"]).spoken("STRASSE")


def test_what_has_no_letter_cannot_be_banned():
    with pytest.raises(UserError, match="'!'") as refused:
        Bans.of(["cat", "!"])
    assert "printable" not in refused.value.cure  # it allows punctuation


def test_bans_add_up_once_each():
    assert Bans.of(["cat", "Cat "]).and_also(Bans.of(["dog", "cat"])).skeletons == ("cat", "dog")


def test_without_bans_everything_may_be_said():
    assert not Bans.of([]).spoken("cat")


def test_skeletons_leave_out_space_punctuation_and_accents():
    assert skeleton(" Ça va-t-il? ") == "cavatil"
    assert words("Talk, about cats.") == {"talk", "about", "cats"}


@pytest.mark.parametrize("text", ["Talk about cats.", "naïve 5%", " a+b=c", "猫 は", "हिन्दी"])
def test_letters_digits_and_punctuation_are_printable(text):
    assert printable(text)


@pytest.mark.parametrize("text", ["a  b", "a\nb", "\ue386", "🐈", "a\u200bb", "e\u0301", "\x1b"])
def test_what_a_chat_window_may_change_is_not(text):
    assert not printable(text)
