"""What an endpoint that rejects a request is asked instead, and what helps where nothing is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from diffkit_evaluators.llm.endpoint import Endpoint
from diffkit_evaluators.llm.errors import RejectedError
from diffkit_evaluators.llm.request import LIMIT_NAMES, Dialect, has_optional_fields

_UNSUPPORTED_STATUS = {400, 404, 405, 415, 422, 500, 501}
"""Answers to a field that an endpoint does not support."""

_VALUE_PROBLEM = re.compile(
    r"(?i)too (?:large|big|high|long|many|small|low)|exceed|maximum (?:allowed|value|number)"
    r"|(?:context|sequence) (?:length|window|size)|less than|greater than|at (?:most|least)"
    r"|out of range|must be|should be (?:a|an|in|less|between|greater)|<=|>="
)

_FIELD_PROBLEM = re.compile(
    r"(?i)unsupported|unrecogni[sz]ed|unknown|unexpected|not (?:supported|permitted|allowed)|extra"
    r"|use '?max|instead|does not support|no such|additional propert"
)

_NO_MODEL = re.compile(
    r"(?i)model.{0,120}(?:not (?:found|exist|available)|does not exist|unknown|not a valid)"
    r"|(?:no such|unknown|invalid) model|model_not_found"
)


_known: dict[Endpoint, Dialect] = {}


def known_dialect(endpoint: Endpoint) -> Dialect:
    """How an endpoint was found to be asked, in this process."""
    return _known.get(endpoint, Dialect())


def remember_dialect(endpoint: Endpoint, dialect: Dialect) -> None:
    """Remembers how an endpoint is asked, for all that ask it after."""
    _known[endpoint] = replace(dialect, room=1)


@dataclass(frozen=True)
class OtherDialect:
    """Another way to ask, and the words for it."""

    dialect: Dialect
    change: str


def next_dialect(
    failed: RejectedError, body: Mapping[str, Any], dialect: Dialect, *, answered: bool
) -> OtherDialect | None:
    """What to try after a request was rejected; none: it is in vain.

    The error may name the field, or say only that the request is bad; then what may be the cause
    is replaced, one thing after another.

    Args:
        failed: the rejection.
        body: the request.
        dialect: how it was asked.
        answered: whether the endpoint answered a request before.
    """
    if (
        failed.policy
        or failed.status not in _UNSUPPORTED_STATUS
        or _NO_MODEL.search(failed.details)
    ):
        return None
    named = _named_fields(failed, body)
    limit = bool(named & {*LIMIT_NAMES})
    if limit and not _is_unknown(failed):
        shorter = replace(dialect, room=1)
        return OtherDialect(shorter, "asked for fewer tokens") if dialect.room > 1 else None
    if limit:
        return None if dialect.renames_limit else _renamed(dialect)
    blames_others = named and not named & {"response_format", "tool_choice"}
    if has_optional_fields(body) and not blames_others:
        return OtherDialect(replace(dialect, as_text=True), "asked again in words")
    vague = not (answered or named or _VALUE_PROBLEM.search(failed.details))
    renamed = dialect.renames_limit or failed.status not in {400, 422}
    return _renamed(dialect) if vague and not renamed else None


def hint_for(failed: RejectedError, body: Mapping[str, Any], *, answered: bool) -> str:
    """What helps after a rejection, to be appended to the reason; empty where nothing is known.

    Args:
        failed: the rejection.
        body: the request, as it would be sent.
        answered: whether the endpoint answered a request before.
    """
    if failed.policy or failed.status not in _UNSUPPORTED_STATUS:
        return ""
    named = _named_fields(failed, body)
    if named & {*LIMIT_NAMES}:
        return "; set max_completion_tokens to what it allows"
    own = sorted(named - {"tools", "tool_choice", "response_format"})
    if own:
        return f"; leave {', '.join(own)} out of the model's parameters"
    blamed = "tools" in named or not answered
    if "tools" in body and blamed and not _NO_MODEL.search(failed.details):
        return "; for an endpoint that takes no tools, set tool_calls=json"
    return ""


def _renamed(dialect: Dialect) -> OtherDialect:
    other = replace(dialect, renames_limit=True)
    return OtherDialect(other, f"asked again with the other of {' and '.join(LIMIT_NAMES)}")


def _named_fields(failed: RejectedError, body: Mapping[str, Any]) -> set[str]:
    """The fields of ``body`` that an error names."""
    names = body.keys() - {"model", "messages"}
    found = {
        name for name in names if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", failed.details)
    }
    if re.search(r"(?i)json_schema|json schema|structured output|guided", failed.details):
        found |= {"response_format"} & names
    if re.search(
        r"(?i)\btool[ _-]?(?:use|calls?|calling|parser)\b|--jinja|\bfunctions?\b", failed.details
    ):
        found |= {"tools"} & names
    return found


def _is_unknown(failed: RejectedError) -> bool:
    """Whether a field is unknown, rather than its value wrong."""
    unknown = bool(_FIELD_PROBLEM.search(failed.details))
    return unknown or not _VALUE_PROBLEM.search(failed.details)
