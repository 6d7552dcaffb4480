"""Addresses of endpoints."""

from urllib.parse import urlsplit


def address(url: str) -> str:
    """``url`` without a slash at its end.

    Raises:
        ValueError: it is none, or holds a secret; the message says which, and not the secret.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        msg = "is no http or https address"
        raise ValueError(msg)
    if "@" in parts.netloc or parts.query:
        msg = "must hold no password or key; keys are read from the environment or .env"
        raise ValueError(msg)
    return url.rstrip("/")
