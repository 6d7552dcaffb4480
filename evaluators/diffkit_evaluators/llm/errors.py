"""Errors of a call to a language model, and what kind of failure a response is.

Reasons are one line. They repeat what the endpoint said, and never hold a key.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from diffkit import DiffkitError
from diffkit_evaluators.llm.endpoint import require_extra
from diffkit_evaluators.llm.redaction import ApiKey


class LanguageModelError(DiffkitError):
    """A language model gave no usable answer."""


class CapReached(LanguageModelError):
    """A limit on calls, tokens or cost is reached; nothing was sent."""


class ModelFailed(LanguageModelError):
    """It could not be reached, or answered with errors until the retries were used up."""


class Refused(LanguageModelError):
    """The language model, or its endpoint, refused."""


class Malformed(LanguageModelError):
    """None of its answers matches the schema."""


_RETRYABLE_STATUS = {408, 409, 429}  # and every status from 500 on

_QUOTA_ERROR = re.compile(
    r"insufficient_quota|billing"
)  # sent with 429, though waiting does not help

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
    """

    def __init__(self, reason: str, status: int, *, policy: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.policy = policy


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
    error = body.get("error", body) if isinstance(body, Mapping) else body
    known = error if isinstance(error, Mapping) else {"message": error or ""}
    code = " ".join(str(known.get(name) or "") for name in ("code", "type"))
    message = str(known.get("message") or "")
    reason = api_key.one_line(f"HTTP {status}: {message or code}")
    if (status in _RETRYABLE_STATUS or status >= 500) and not _QUOTA_ERROR.search(code):
        return RetryableError(reason, wait)
    policy = status in {400, 403} and bool(_POLICY_ERROR.search(f"{code} {message}"))
    return RejectedError(reason, status, policy=policy)


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
