"""Options of investigators and graders that call a language model."""

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from diffkit import MethodConfig, Record, execution_option


def normalized_url(url: str) -> str:
    """``url`` without a trailing slash.

    Raises:
        ValueError: it is not a URL, or it contains a secret, which the message does not repeat.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        msg = "is no http or https address"
        raise ValueError(msg)
    if "@" in parts.netloc or parts.query:
        msg = "must hold no password or key; keys are read from the environment or .env"
        raise ValueError(msg)
    return url.rstrip("/")


_FAMILY_OF_NAME = {
    "chatgpt": "gpt",
    "o1": "gpt",
    "o3": "gpt",
    "o4": "gpt",
    "gpt": "gpt",
    "claude": "claude",
    "gemini": "gemini",
    "gemma": "gemma",
    "qwen": "qwen",
    "qwq": "qwen",
    "llama": "llama",
    "mistral": "mistral",
    "mixtral": "mistral",
    "ministral": "mistral",
    "magistral": "mistral",
    "codestral": "mistral",
    "devstral": "mistral",
    "deepseek": "deepseek",
    "grok": "grok",
    "phi": "phi",
    "command": "command",
    "glm": "glm",
    "kimi": "kimi",
}

_FAMILY_NAME = re.compile(rf"(?<![a-z])(?:{'|'.join(_FAMILY_OF_NAME)})")


def model_family(name: str) -> str:
    """The family of a model: models of one family share training and may prefer each other's text.

    The first known family in the last part of the name, or else the leading letters of that part.
    """
    last = name.casefold().rstrip("/").rpartition("/")[2]
    if known := _FAMILY_NAME.search(last):
        return _FAMILY_OF_NAME[known[0]]
    letters = re.match(r"[^\W\d_]+", last)
    return letters[0] if letters else last


_RESERVED_PARAMETERS = frozenset(
    {"messages", "model", "n", "response_format", "stream", "tool_choice", "tools"}
    | {"extra_headers", "extra_query", "timeout"}
)


class ChatModel(Record):
    """A language model and the parameters of its requests. A plain string is its name."""

    name: str = Field(min_length=1)
    """``openai/gpt-5``, ``openrouter/vendor/model``, or, with ``base_url``, the name on that
    server."""
    base_url: str | None = None
    """URL of an OpenAI-compatible server, such as ``http://localhost:8000/v1``. It receives
    ``OPENAI_API_KEY`` if that is set."""
    parameters: Mapping[str, Any] = Field(default_factory=dict)
    """Further fields of the request's body: ``temperature``, ``seed``, ``reasoning_effort``, …
    Fields under ``extra_body`` are merged into it."""

    @model_validator(mode="before")
    @classmethod
    def _plain_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("base_url")
    @classmethod
    def _holds_no_secret(cls, value: str | None) -> str | None:
        return None if value is None else normalized_url(value)

    @field_validator("parameters")
    @classmethod
    def _not_reserved(cls, value: Mapping[str, Any]) -> Mapping[str, Any]:
        extra = value.get("extra_body", {})
        if not isinstance(extra, Mapping):
            msg = "extra_body is no mapping"
            raise ValueError(msg)
        if taken := sorted(_RESERVED_PARAMETERS & {*value, *extra}):
            msg = f"{', '.join(taken)} cannot be set here"
            raise ValueError(msg)
        return value


class ChatConfig(MethodConfig):
    """Options of every plugin that calls a language model."""

    model: ChatModel | None = None
    """The language model: a name, or ``name``, ``base_url`` and ``parameters``."""
    max_calls: int = Field(default=60, ge=1)
    """Maximum number of answers."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Maximum number of tokens of all prompts and completions; null sets no limit. The call that
    reaches a limit is the last one."""
    max_dollars: float | None = Field(default=None, gt=0)
    """Maximum cost in US dollars; null sets no limit. It needs a price, see ``--prices``."""
    max_completion_tokens: int = Field(default=4096, ge=1)
    """Maximum length of one answer in tokens, reasoning included."""
    tool_calls: Literal["native", "json"] = "native"
    """``json`` describes tools in the prompt, for endpoints without tool calls."""
    remember: bool = execution_option(default=True)
    """Whether cached answers are used again, so that an interrupted attempt continues."""
    connections: int = execution_option(8, ge=1)
    """Maximum number of simultaneous requests to one endpoint, from this whole process."""
    timeout: float = execution_option(120.0, gt=0)
    """Time limit for one answer, in seconds."""
    retries: int = execution_option(6, ge=0)
    """How often a call is repeated after an error that may be temporary."""
    backoff: float = execution_option(1.0, ge=0)
    """Seconds before a call is repeated, doubled each time, unless the endpoint gives a time."""
