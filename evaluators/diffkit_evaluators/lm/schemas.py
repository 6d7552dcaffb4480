"""JSON Schemas of answers, as endpoints take them."""

import json
from collections.abc import Mapping
from typing import Any

from diffkit import Record, json_schema

_UNSUPPORTED = {"default", "title", "minLength", "maxLength", "uniqueItems"}
_OPEN = {"oneOf", "allOf", "prefixItems", "patternProperties", "not"}


def response_format(schema: type[Record]) -> dict[str, Any]:
    """The ``response_format`` that asks for ``schema``, by the name of its title.

    It is strict where the schema allows: then every field must be given, and what strict decoding
    does not know (lengths, defaults) is left to the check afterwards. Schemas with maps, tuples or
    unions by discriminator are asked for without.
    """
    asked = json_schema(schema)
    strict = _closed(asked)
    format_ = {"name": asked["title"], "schema": _strict(asked) if strict else asked}
    return {"type": "json_schema", "json_schema": {**format_, "strict": strict}}


def title_of(schema: type[Record]) -> str:
    """What ``schema`` is called where it is asked for."""
    return str(json_schema(schema)["title"])


def in_words(schema: type[Record]) -> str:
    """The same, said to the model."""
    asked = json.dumps(json_schema(schema), ensure_ascii=False)
    return f"Answer with one JSON object that fits this JSON Schema, and nothing else:\n{asked}"


def _closed(part: Any) -> bool:
    """Whether strict decoding can follow: all objects say which fields they have, and no others."""
    if isinstance(part, list):
        return all(map(_closed, part))
    if not isinstance(part, Mapping):
        return True
    is_object = part.get("type") == "object"
    if is_object and (part.get("additionalProperties") is not False or "properties" not in part):
        return False
    return not _OPEN & part.keys() and all(map(_closed, part.values()))


def _strict(part: Any) -> Any:
    if isinstance(part, list):
        return [_strict(one) for one in part]
    if not isinstance(part, Mapping):
        return part
    kept = {
        name: {field: _strict(one) for field, one in value.items()}
        if name in {"properties", "$defs"}
        else _strict(value)
        for name, value in part.items()
        if name not in _UNSUPPORTED
    }
    if "$ref" in kept:
        return {"$ref": kept["$ref"]}  # nothing may stand beside it
    return {**kept, "required": list(kept["properties"])} if "properties" in kept else kept
