"""The pages of the YAML files: organisms, bases, recipes and suites, with every field."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from markup import markdown
from pydantic.fields import FieldInfo

from diffkit.evaluation.suite import Suite
from diffkit.options.type_words import (
    class_words,
    limit_words,
    type_limits,
    type_words,
    value_words,
)
from diffkit.organism import BaseModelEntry, Organism, Record
from diffkit.training.recipe import Recipe


def organism_page() -> str:
    """The page of organism files."""
    where = (
        "An organism file, `organisms/NAME.yaml` in a folder of organisms. A null is an organism "
        "too. See [Make an organism](../how-to/make-an-organism.md)."
    )
    return _page("Organism files", where, Organism)


def base_page() -> str:
    """The page of base model files."""
    where = "A base model file, `bases/NAME.yaml` in a folder of organisms."
    return _page("Base model files", where, BaseModelEntry)


def recipe_page() -> str:
    """The page of recipes."""
    where = "A recipe for `diffkit organisms train`: how a base or a finetuning is trained."
    return _page("Recipe files", where, Recipe)


def suite_page() -> str:
    """The page of suites."""
    where = (
        "A suite for `diffkit evaluate`: what an evaluation compares. See "
        "[Evaluate methods](../how-to/evaluate-methods.md)."
    )
    return _page("Suite files", where, Suite)


def _page(title: str, where: str, model: type[Record]) -> str:
    parts = [
        f"# {title}\n",
        f"{where}\n",
        "Generated from the program's own records by `python tools/docs/check.py --write`. Other "
        "fields than these are refused. Relative paths start at the file's folder.\n",
    ]
    parts += [_section(one) for one in _reachable(model)]
    return "\n".join(parts)


def _reachable(model: type[Record]) -> list[type[Record]]:
    """``model`` and every record in its fields, in the order of their appearance."""
    found = [model]
    for one in found:
        for field in _fields(one).values():
            found += [inner for inner in _records(field.annotation) if inner not in found]
    return found


def _fields(model: type[Record]) -> Mapping[str, FieldInfo]:
    """The fields that a file may have."""
    return {name: field for name, field in model.model_fields.items() if not field.exclude}


def _records(annotation: Any) -> Iterator[type[Record]]:
    if isinstance(annotation, type) and issubclass(annotation, Record):
        yield annotation
    for part in get_args(annotation):
        yield from _records(part)


def _section(model: type[Record]) -> str:
    rows = ["| field | type | default | meaning |", "|---|---|---|---|"]
    for name, field in _fields(model).items():
        cells = (f"`{name}`", _type(field), _default(field), _cell(field.description or ""))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join((f"## {model.__name__}\n", markdown(model.__doc__ or ""), "", *rows, ""))


def _type(field: FieldInfo) -> str:
    words = type_words(field.annotation, _linked)
    return ", ".join(filter(None, (words, limit_words(type_limits(field.metadata)))))


def _linked(kind: type[Any], several: bool) -> str:
    """A record's name, with a link to its section."""
    if issubclass(kind, Record):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    return class_words(kind, several)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    return f"`{value_words(value)}`"


def _cell(text: str) -> str:
    """Text in one line of a table."""
    return " ".join(markdown(text).split()).replace("|", "\\|")


SCHEMA_PAGES: Mapping[str, Callable[[], str]] = {
    "organism-files.md": organism_page,
    "base-files.md": base_page,
    "recipe-files.md": recipe_page,
    "suite-files.md": suite_page,
}
"""File of each page → what it should hold."""
