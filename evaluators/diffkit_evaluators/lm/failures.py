"""What a failed request was: one that may pass, or one that will not."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from diffkit_evaluators.lm.extras import need
from diffkit_evaluators.lm.secret import Secret

_PASSING = {408, 409, 429}  # and all from 500 on
_FINAL = re.compile(r"insufficient_quota|billing")  # sent with 429, and no waiting helps
_POLICY = re.compile(r"(?i)content.?(filter|policy|management)|moderation|flagged")


class Transient(Exception):
    """May pass.

    Args:
        reason: in a line.
        wait: seconds that the endpoint asks to wait; none where it does not say.
    """

    def __init__(self, reason: str, wait: float | int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait


class Rejected(Exception):
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


def of_library(error: Exception, secret: Secret, timeout: float) -> Exception:
    """What an error of `openai`, or of what carries its requests, was; any other is itself."""
    openai = need("openai")
    if isinstance(error, openai.APITimeoutError):
        return too_late(timeout)
    if isinstance(error, openai.APIStatusError):
        wait = retry_after(error.response.headers.get("retry-after"), datetime.now(UTC))
        return of_status(error.status_code, error.body, secret, wait)
    carried = type(error).__module__.partition(".")[0].startswith("http")  # httpx, httpx2, httpcore
    if isinstance(error, openai.APIConnectionError) or carried:
        cause = error.__cause__ or error
        return Transient(secret.line(f"the connection failed: {type(cause).__name__}: {cause}"))
    return error


def of_status(status: int, body: Any, secret: Secret, wait: float | int | None = None) -> Exception:
    """What an error of the endpoint was, by its status and what it says of it."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    known = error if isinstance(error, Mapping) else {"message": error or ""}
    code = " ".join(str(known.get(name) or "") for name in ("code", "type"))
    message = str(known.get("message") or "")
    reason = secret.line(f"HTTP {status}: {message or code}")
    if (status in _PASSING or status >= 500) and not _FINAL.search(code):
        return Transient(reason, wait)
    policy = status in {400, 403} and bool(_POLICY.search(f"{code} {message}"))
    return Rejected(reason, status, policy=policy)


def too_late(timeout: float) -> Transient:
    """No answer in time."""
    return Transient(f"no answer within {timeout:g} s")


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
