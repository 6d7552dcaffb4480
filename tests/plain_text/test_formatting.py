import pytest

from diffkit.plain_text import formatting


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0.0, "0"),
        (-0.0, "0"),
        (3, "3"),
        (18233, "18,233"),
        (18233.4, "18,233"),
        (0.123456, "0.123"),
        (12.3456, "12.3"),
        (-0.5, "-0.5"),
        (0.0000123, "1.23e-05"),
        (2.5e12, "2.5e+12"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_keep_three_digits(value, shown):
    assert formatting.number(value) == shown


def test_a_column_of_numbers_has_one_count_of_decimals():
    assert formatting.aligned([1.5, None, 0.25]) == ("1.50", "–", "0.25")


def test_alignment_never_turns_a_number_into_zero():
    assert formatting.aligned([5.0, 0.00001]) == ("5", "1e-05")


def test_a_column_may_mix_text_and_numbers():
    assert formatting.column(["a", 0.5, None, 2]) == ("a", "0.50", "–", "2.00")
    assert formatting.column([3, 12345]) == ("3", "12,345")


def test_a_share_in_a_column_of_counts_keeps_its_digits():
    assert formatting.column([0.745, 0.0712, 354]) == ("0.745", "0.0712", "354")
    assert formatting.column([0.745, 0.102]) == ("0.745", "0.102")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc\r\n", "a⏎b⇥c⏎"),
        ("\x1b[31m", "␛[31m"),
        ("\x07\x7f\x9b", "␇␡⟨U+009B⟩"),
        ("\u202eevil\u2066", "⟨U+202E⟩evil⟨U+2066⟩"),
        ("a\u200bb\U000e0041", "a⟨U+200B⟩b⟨U+E0041⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("é 蛋糕 كعكة 👩\u200d🍳 می\u200cخواهم", "é 蛋糕 كعكة 👩\u200d🍳 می\u200cخواهم"),
        ("un\u00a0espace", "un\u00a0espace"),
    ],
)
def test_what_steers_or_hides_becomes_a_sign(text, shown):
    assert formatting.clean(text) == shown
    assert formatting.clean(shown) == shown


def test_line_breaks_can_be_kept():
    assert formatting.clean("a\nb", keep_lines=True) == "a⏎\nb"


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (" cake", "␣cake"),
        ("  ", "␣␣"),
        ("", "(empty)"),
        ("a ", "a␣"),
        ("\n", "⏎"),
        ("\u0301x", "◌\u0301x"),
        ("\u200d", "⟨U+200D⟩"),
        ("\u00a0", "⟨U+00A0⟩"),
    ],
)
def test_every_token_can_be_seen(token, shown):
    assert formatting.token(token) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0, "0 %"), (0.004, "<1 %"), (0.61, "61 %"), (0.999, ">99 %"), (1, "100 %")],
)
def test_what_is_not_certain_does_not_look_so(share, shown):
    assert formatting.percent(share) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.32, "0.32 s"),
        (12, "12 s"),
        (59.7, "60 s"),
        (75, "1 min"),
        (3600, "60 min"),
        (9000, "2.5 h"),
    ],
)
def test_durations(seconds, shown):
    assert formatting.duration(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(2048, "2 KiB"), (5 * 2**20, "5 MiB"), (3 * 2**29, "1.5 GiB")]
)
def test_memory(count, shown):
    assert formatting.memory(count) == shown


def test_shortening_says_how_much_is_missing():
    assert formatting.shorten("abc", 3) == "abc"
    assert formatting.shorten("a" * 1005, 5) == "aaaaa… 1,000 more characters"
