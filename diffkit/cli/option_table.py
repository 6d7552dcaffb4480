"""Tables of the options of methods and of the arguments of tools."""

from typing import Any, get_args

_SIGNS = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))


def describe_fields(record: Any) -> list[dict[str, Any]]:
    """Name, type, bounds, default and meaning of each field of a `Record`."""
    return [_describe_field(name, field) for name, field in record.model_fields.items()]


def _describe_field(name: str, field: Any) -> dict[str, Any]:
    from pydantic_core import to_jsonable_python

    bounds = {
        sign: getattr(rule, word)
        for rule in field.metadata
        for word, sign in _SIGNS
        if hasattr(rule, word)
    }
    required = field.is_required()
    default = None if required else field.get_default(call_default_factory=True)
    return {
        "name": name,
        "type": _type_name(field.annotation),
        "bounds": bounds,
        "default": to_jsonable_python(default),
        "required": required,
        "execution": bool((field.json_schema_extra or {}).get("execution")),
        "help": " ".join((field.description or "").split()),
    }


def _type_name(kind: Any) -> str:
    if isinstance(kind, type):
        return kind.__name__
    shown = str(kind).replace("typing.", "")
    for part in get_args(kind):
        if isinstance(part, type):
            shown = shown.replace(f"{part.__module__}.{part.__qualname__}", part.__qualname__)
    return shown


def print_fields(title: str, fields: list[dict[str, Any]]) -> None:
    """A table of what `described` gives."""
    from diffkit.cli.console import print_table

    rows = [
        (
            field["name"],
            field["type"],
            ", ".join(f"{sign} {value:g}" for sign, value in field["bounds"].items()),
            "required" if field["required"] else field["default"],
            f"{field['help']}{' Never changes the result.' if field['execution'] else ''}",
        )
        for field in fields
    ]
    print_table(title, ("name", "type", "bounds", "default", "meaning"), rows)
