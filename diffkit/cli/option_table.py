"""Tables of the options of methods and of the arguments of tools."""

from typing import Any


def describe_fields(record: Any) -> list[dict[str, Any]]:
    """Name, type, bounds, default and meaning of each field of a `Record`."""
    return [_describe_field(name, field) for name, field in record.model_fields.items()]


def _describe_field(name: str, field: Any) -> dict[str, Any]:
    from pydantic_core import to_jsonable_python

    from diffkit.options.type_words import type_limits, type_words

    required = field.is_required()
    default = None if required else field.get_default(call_default_factory=True)
    return {
        "name": name,
        "type": type_words(field.annotation),
        "bounds": type_limits(field.metadata),
        "default": to_jsonable_python(default),
        "required": required,
        "execution": bool((field.json_schema_extra or {}).get("execution")),
        "help": " ".join((field.description or "").split()).replace("``", "`"),
    }


def print_fields(title: str, fields: list[dict[str, Any]]) -> None:
    """A table of what `described` gives."""
    from diffkit.cli.console import print_table
    from diffkit.options.type_words import limit_words, value_words

    rows = [
        (
            field["name"],
            field["type"],
            limit_words(field["bounds"]),
            "required" if field["required"] else value_words(field["default"]),
            f"{field['help']}{' Never changes the result.' if field['execution'] else ''}",
        )
        for field in fields
    ]
    print_table(title, ("name", "type", "bounds", "default", "meaning"), rows)
