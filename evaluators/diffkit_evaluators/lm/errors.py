"""How asking a language model may end otherwise than with an answer.

Reasons are one line. They hold what the endpoint said, and never a key.
"""

from diffkit import DiffkitError


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
