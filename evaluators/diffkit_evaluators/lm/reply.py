"""What a language model answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["investigator", "grader"]
"""In which a language model is asked."""


@dataclass(frozen=True)
class AskedTool:
    """A tool that the model calls."""

    id: str
    """By which its result is handed back, as ``tool_call_id``; unique in the answer."""
    name: str
    """As the model wrote it; there may be no such tool."""
    arguments: str
    """As the model wrote them; JSON, or not."""


@dataclass(frozen=True)
class Reply:
    """One answer."""

    text: str
    """What it said; empty where it said nothing."""
    refusal: str
    """Why it, or its endpoint, refused; empty where it did not."""
    tool_calls: tuple[AskedTool, ...]
    finish: str
    """``stop``, ``length``, ``tool_calls``, …, as the endpoint says."""
    message: Mapping[str, Any]
    """To append to the messages, before the results of its tools."""
