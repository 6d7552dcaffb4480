"""Options from the command line and from files."""

from typing import Annotated

import pytest
from pydantic import Field, model_validator

from diffkit.errors import BadFile, BadOption, UserError
from diffkit.method import MethodConfig
from diffkit.options import validation
from diffkit.options.input_file import InputFile
from diffkit.options.validation import parse_settings, read_options, validate_options
from diffkit.organism import Record
from diffkit.registry.specs import Spec


class Together(MethodConfig):
    """Options that must fit together."""

    low: int = 0
    """A bound."""
    high: int = 1
    """A bound."""

    @model_validator(mode="after")
    def _ordered(self):
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


@pytest.fixture
def spec(monkeypatch):
    monkeypatch.setattr(validation, "Together", Together, raising=False)
    return Spec("together", "A test", 1, "diffkit.options.validation:Together", "x:Y")


def test_settings_are_typed_by_yaml():
    settings = ["a=3", "b=0.5", "c=true", "d=[x, 1]", "e=two words", "f=", "g='3'", "h=k=v"]
    assert parse_settings(settings, MethodConfig) == {
        "a": 3,
        "b": 0.5,
        "c": True,
        "d": ["x", 1],
        "e": "two words",
        "f": None,
        "g": "3",
        "h": "k=v",
    }


@pytest.mark.parametrize("setting", ["top", "=3", "top: 3"])
def test_a_setting_without_key_or_value_is_refused(setting):
    with pytest.raises(UserError, match=r"is not key=value.*--set top=5"):
        parse_settings([setting], MethodConfig)


def test_a_malformed_value_is_refused_with_a_way_out():
    with pytest.raises(UserError, match=r"a=\[1' is not YAML.*--set 'a="):
        parse_settings(["a=[1"], MethodConfig)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("0", "0"),
        ("yes", "yes"),
        ("a: b", "a: b"),
        ("[1", "[1"),
        ("", ""),
        ('"0"', "0"),
        ('" a"', " a"),
        (" a ", "a"),
        ("C # is sharp", "C # is sharp"),
        ("!x", "!x"),
        ('"Yes" she said', '"Yes" she said'),
        ("x", "x"),
    ],
)
def test_what_is_meant_as_text_stays_text(typed, kept):
    class Words(Record):
        word: str = ""
        count: int | None = None

    assert parse_settings([f"word={typed}", "count=3"], Words) == {"word": kept, "count": 3}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("0", "0"), ("null", "null"), ("[1", "[1"), ('"0"', "0"), ('""', ""), ("", None)],
)
@pytest.mark.parametrize("field", ["word", "file"])
def test_text_or_a_file_that_may_be_none_stays_as_typed(field, typed, kept):
    class Optional(Record):
        word: str | None = None
        file: InputFile | None = None

    assert parse_settings([f"{field}={typed}"], Optional) == {field: kept}


def test_what_only_holds_text_or_may_be_a_number_is_read_as_yaml():
    class Mixed(Record):
        words: list[str] = Field(default_factory=list)
        either: str | int = 0
        many: tuple[Annotated[float, Field(ge=0)], ...] | None = None

    typed = ["words=[a, b]", "either=3", "many=[1, 2]"]
    assert parse_settings(typed, Mixed) == {"words": ["a", "b"], "either": 3, "many": [1, 2]}


def test_defaults_are_filled_in(spec):
    assert validate_options(spec, {"high": 5}).model_dump() == {"low": 0, "high": 5}


def test_an_unknown_option_names_the_nearest(spec):
    with pytest.raises(BadOption, match=r"no option of 'together' named 'hihg'.*mean 'high'"):
        validate_options(spec, {"hihg": 1})


def test_options_that_do_not_fit_together_are_one_error(spec):
    with pytest.raises(BadOption, match=r"^The options of 'together': .*low is above high") as bad:
        validate_options(spec, {"low": 3})
    assert bad.value.place == ()


def test_a_file_of_options_must_be_a_mapping(tmp_path):
    path = tmp_path / "options.yaml"
    path.write_text("- 1")
    with pytest.raises(BadFile, match=r"must map option names to values, not list"):
        read_options(path)
    path.write_text("top: 3")
    assert read_options(path) == {"top": 3}
