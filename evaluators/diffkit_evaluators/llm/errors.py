"""Errors of a call to a language model, and what kind of failure a response is.

Reasons are one line. They repeat what the endpoint said, and never hold a key.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from diffkit import DiffkitError, Unavailable
from diffkit_evaluators.llm.endpoint import require_extra
from diffkit_evaluators.llm.redaction import ApiKey


class LanguageModelError(DiffkitError):
    """A language model gave no usable answer."""


class CapReached(LanguageModelError, Unavailable):
    """A limit on calls, tokens or cost is reached; nothing was sent."""


class ModelFailed(LanguageModelError, Unavailable):
    """It could not be reached, or answered with errors until the retries were used up."""


class Refused(LanguageModelError):
    """The language model, or its endpoint, refused."""


class Malformed(LanguageModelError):
    """None of its answers matches the schema."""


_RETRYABLE_STATUS = {408, 409, 429}  # and every status from 500 on

_QUOTA_ERROR = re.compile(
    r"(?i)insufficient.(?:quota|balance|credits?|funds)|billing_|billing.hard"
)  # sent with 429, though waiting does not help

_PERMANENT_TYPES = {
    401: re.compile(r"(?i)authentication|permission|api_key"),
    404: re.compile(r"(?i)not_found"),
    400: re.compile(r"(?i)invalid_request|bad_?request|validation|unsupported"),
}
"""The status that an error with status 200 should have, by its type or code."""

_UNSUPPORTED = re.compile(
    r"(?i)unsupported|not (?:yet )?(?:supported|implemented)|unrecogni[sz]ed|unexpected keyword"
    r"|unknown (?:field|parameter|argument|name)|extra (?:inputs|fields)|requires? .?--jinja"
)  # sent by some servers with status 500, though it will remain

_NOT_IMPLEMENTED = 501

_STREAM = ("data:", "event:", ":", "id:", "retry:")  # server-sent events

_POLICY_ERROR = re.compile(r"(?i)content.?(filter|policy|management)|moderation|flagged")


class RetryableError(Exception):
    """A failure that may be temporary.

    Args:
        reason: why, in one line.
        wait: seconds that the endpoint asks to wait, if it does.
    """

    def __init__(self, reason: str, wait: float | int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait


class RejectedError(Exception):
    """A failure that repeating the request does not change.

    Args:
        reason: why, in one line.
        status: HTTP status.
        policy: whether the endpoint's content policy rejected the request.
        details: all that the endpoint said, for the names of fields in it; none: the reason.
    """

    def __init__(self, reason: str, status: int, *, policy: bool, details: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.policy = policy
        self.details = details or reason


def error_from_library(error: Exception, api_key: ApiKey, timeout: float) -> Exception:
    """Translates an error of `openai` or of its HTTP library; any other error is returned as is."""
    openai = require_extra("openai")
    if isinstance(error, openai.APITimeoutError):
        return timeout_error(timeout)
    if isinstance(error, openai.APIStatusError):
        wait = retry_after(error.response.headers.get("retry-after"), datetime.now(UTC))
        return error_from_status(error.status_code, error.body, api_key, wait)
    from_http = type(error).__module__.partition(".")[0].startswith("http")  # httpx, httpcore
    if isinstance(error, openai.APIConnectionError) or from_http:
        cause = error.__cause__ or error
        return RetryableError(
            api_key.one_line(f"the connection failed: {type(cause).__name__}: {cause}")
        )
    return error


def error_from_status(
    status: int, body: Any, api_key: ApiKey, wait: float | int | None = None
) -> Exception:
    """Translates an error response, by its status and its body."""
    error = (body.get("error") or body) if isinstance(body, Mapping) else body
    known = error if isinstance(error, Mapping) else {"message": error or ""}
    code = " ".join(str(known.get(name) or "") for name in ("code", "type"))
    message = _message(known)
    reason = api_key.one_line(f"HTTP {status}: {message or code}")
    if _may_be_temporary(status, code, message):
        return RetryableError(reason, wait)
    policy = status in {400, 403} and bool(_POLICY_ERROR.search(f"{code} {message}"))
    details = f"{message} {known.get('param') or ''} {known.get('metadata') or ''}"
    return RejectedError(reason, status, policy=policy, details=api_key.redact(details))


def _may_be_temporary(status: int, code: str, message: str) -> bool:
    if status in _RETRYABLE_STATUS:
        return not _QUOTA_ERROR.search(code)
    return status >= 500 and status != _NOT_IMPLEMENTED and not _UNSUPPORTED.search(message)


def _message(error: Mapping[str, Any]) -> str:
    """What an error says; FastAPI has a list of fields and problems, others one string."""
    said = error.get("message") or error.get("detail") or error.get("error") or error.get("msg")
    if not isinstance(said, list):
        return said if isinstance(said, str) else json.dumps(said) if said else ""
    problems = [one for one in said if isinstance(one, Mapping)]
    return "; ".join(
        f"{'.'.join(map(str, one.get('loc') or ()))}: {one.get('msg') or ''}" for one in problems
    )


def error_in_body(error: Any, api_key: ApiKey) -> Exception:
    """Translates an error that came with status 200, by the code or the type in it."""
    known = error if isinstance(error, Mapping) else {}
    code = known.get("code")
    if isinstance(code, int) and 400 <= code < 600:
        return error_from_status(code, error, api_key)
    said = f"{known.get('type') or ''} {code or ''}"
    statuses = (status for status, words in _PERMANENT_TYPES.items() if words.search(said))
    return error_from_status(next(statuses, 502), error, api_key)


def not_a_completion(content: bytes) -> Exception:
    """The error of a response with status 200 that is no chat completion.

    One that is empty or was cut off may be whole next time; a page, a stream or another protocol's
    answer will remain.
    """
    text = content.decode(errors="replace").lstrip("\ufeff \r\n\t")
    streamed = text.startswith(_STREAM)
    half = not text or (text[0] in "{[" and not _is_json(text))
    if half or ('"choices"' in text and not streamed):
        return RetryableError("the answer is no chat completion")
    what, cure = "no chat completion", "check that base_url is that of an OpenAI-compatible server"
    if streamed:
        what, cure = "a stream of events, which was not asked for", "let the server answer at once"
    elif text.startswith("<"):
        what, cure = "a web page", "check base_url, which often ends in /v1"
    return RejectedError(f"the answer is {what}; {cure}", 200, policy=False)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def timeout_error(timeout: float) -> RetryableError:
    """The error of an answer that did not arrive in time."""
    return RetryableError(f"no answer within {timeout:g} s")


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds to wait by a ``Retry-After`` header: a number or a date (RFC 9110, 10.2.3)."""
    try:
        return max(0.0, float(header or ""))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())
