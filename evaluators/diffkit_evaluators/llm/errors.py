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
    """A language model gave no answer that can be used."""


class CapReached(LanguageModelError):
    """A cap on calls, tokens or dollars is spent; nothing was sent."""


class ModelFailed(LanguageModelError):
    """It could not be reached, or answered with errors until patience ended."""


class Refused(LanguageModelError):
    """It, or its endpoint, refused."""


class Malformed(LanguageModelError):
    """It gave nothing that fits the schema, however often it was asked."""


_RETRYABLE_STATUS = {408, 409, 429}  # and all from 500 on

_QUOTA_ERROR = re.compile(r"insufficient_quota|billing")  # sent with 429, and no waiting helps

_POLICY_ERROR = re.compile(r"(?i)content.?(filter|policy|management)|moderation|flagged")


class RetryableError(Exception):
    """May pass.

    Args:
        reason: in a line.
        wait: seconds that the endpoint asks to wait; none where it does not say.
    """

    def __init__(self, reason: str, wait: float | int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait


class RejectedError(Exception):
    """Will not pass.

    Args:
        reason: in a line.
        status: of HTTP.
        policy: whether the endpoint will not have such questions.
    """

    def __init__(self, reason: str, status: int, *, policy: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.policy = policy


def error_from_library(error: Exception, secret: ApiKey, timeout: float) -> Exception:
    """What an error of `openai`, or of what carries its requests, was; any other is itself."""
    openai = require_extra("openai")
    if isinstance(error, openai.APITimeoutError):
        return timeout_error(timeout)
    if isinstance(error, openai.APIStatusError):
        wait = retry_after(error.response.headers.get("retry-after"), datetime.now(UTC))
        return error_from_status(error.status_code, error.body, secret, wait)
    carried = type(error).__module__.partition(".")[0].startswith("http")  # httpx, httpx2, httpcore
    if isinstance(error, openai.APIConnectionError) or carried:
        cause = error.__cause__ or error
        return RetryableError(
            secret.line(f"the connection failed: {type(cause).__name__}: {cause}")
        )
    return error


def error_from_status(
    status: int, body: Any, secret: ApiKey, wait: float | int | None = None
) -> Exception:
    """What an error of the endpoint was, by its status and what it says of it."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    known = error if isinstance(error, Mapping) else {"message": error or ""}
    code = " ".join(str(known.get(name) or "") for name in ("code", "type"))
    message = str(known.get("message") or "")
    reason = secret.line(f"HTTP {status}: {message or code}")
    if (status in _RETRYABLE_STATUS or status >= 500) and not _QUOTA_ERROR.search(code):
        return RetryableError(reason, wait)
    policy = status in {400, 403} and bool(_POLICY_ERROR.search(f"{code} {message}"))
    return RejectedError(reason, status, policy=policy)


def timeout_error(timeout: float) -> RetryableError:
    """No answer in time."""
    return RetryableError(f"no answer within {timeout:g} s")


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` asks for, given as such or as a date (RFC 9110, 10.2.3)."""
    try:
        return max(0.0, float(header or ""))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())
