import pytest

from diffkit.errors import DiffkitError, UserError, one_line


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("no good"), "ValueError: no good"),
        (ValueError("\n  first \nsecond"), "ValueError: first"),
        (KeyError(), "KeyError"),
        (SystemExit(3), "SystemExit: 3"),
        (UserError("There is no key.", hint="Set one."), "There is no key. Set one."),
        (DiffkitError("The endpoint\nis gone."), "The endpoint"),
        (DiffkitError(""), "DiffkitError"),
    ],
)
def test_a_reason_is_a_line_and_names_the_type_of_others_errors(error, words):
    assert one_line(error) == words
