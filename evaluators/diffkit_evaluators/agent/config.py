"""Options of the agent."""

from typing import Literal

from pydantic import Field

from diffkit_evaluators.llm import ChatConfig

Framing = Literal["neutral", "presupposed", "adversarial-null"]
"""What the agent is told to expect of a pair."""


class AgentConfig(ChatConfig):
    """Options of the agent, in both its forms."""

    framing: Framing = "neutral"
    """What is told beforehand: that there may be nothing to find, that there surely is something,
    or that there is most likely nothing."""
    questions: int = Field(default=50, ge=0, le=10_000)
    """Questions that may be put to the models; one to both counts once."""
    guess_every: int = Field(default=10, ge=0)
    """Questions after which an interim guess is due; 0 asks for none."""
    preview_rows: int = Field(default=5, ge=0, le=50)
    """Rows of each finding shown at the beginning; more are read by a tool."""
    characters: int = Field(default=20_000, ge=1_000)
    """Length of a tool's result at most; the models' answers share it evenly."""
    max_tokens: int | None = Field(default=1_000_000, ge=1)
    """Tokens of all prompts and completions together; none sets no limit."""
