"""Types of options in plain words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from diffkit.options.import_path import ImportPath
from diffkit.options.input_file import InputFile
from diffkit.options.type_words import limit_words, type_limits, type_words, value_words
from diffkit.organism import Record


class ChatPartner(Record):
    """A record."""

    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    many: tuple[Annotated[int, Field(ge=1)], ...] = Field((), max_length=1048576)


Positive = Annotated[float, Field(gt=0, le=100)]


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "integer"),
        (float | None, "number or null"),
        (bool, "true or false"),
        (Path, "path"),
        (InputFile | None, "file or null"),
        (ImportPath, "name or import path"),
        (ChatPartner | None, "chat partner or null"),
        (tuple[ChatPartner, ...], "list of chat partners"),
        (tuple[str, ...], "list of texts"),
        (tuple[int | float, ...], "list of numbers"),
        (tuple[Positive, ...], "list of numbers (> 0, ≤ 100)"),
        (tuple[Positive, ...] | None, "list of numbers (> 0, ≤ 100) or null"),
        (tuple[Positive, Positive], "list of 2 numbers (> 0, ≤ 100)"),
        (tuple[str, float], "list of text and number"),
        (tuple[tuple[int, ...], ...], "list of lists of integers"),
        (Literal["kl", "jsd"], "kl or jsd"),
        (Literal["a", "b"] | None, "a, b or null"),
        (tuple[Literal[1, 2, 3], ...], "list of 1, 2 or 3"),
        (Mapping[str, str], "mapping of texts to texts"),
        (dict[str, list[Any]], "mapping of texts to lists of any values"),
    ],
)
def test_a_type_in_words(annotation, words):
    assert type_words(annotation) == words


def test_limits_have_signs_and_no_exponent():
    fields = ChatPartner.model_fields
    assert limit_words(type_limits(fields["share"].metadata)) == "> 0, ≤ 1"
    assert limit_words(type_limits(fields["many"].metadata)) == "length ≤ 1048576"
    assert limit_words({"≥": 0.25, "≤": 1e6}) == "≥ 0.25, ≤ 1000000"


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "null"), (True, "true"), ("", '""'), ((1, "a"), "[1, a]"), ({"a": None}, "{a: null}")],
)
def test_a_value_is_shown_as_a_yaml_has_it(value, words):
    assert value_words(value) == words
