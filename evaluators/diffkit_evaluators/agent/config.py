"""Options of the agent."""

from typing import Literal

from pydantic import Field

from diffkit_evaluators.llm import ChatConfig

Framing = Literal["neutral", "presupposed", "adversarial-null"]
"""What the prompt says to expect of a pair."""


class AgentConfig(ChatConfig):
    """Options of the agent and of its variant that ranks candidates."""

    framing: Framing = "neutral"
    """What the prompt says to expect: that there may be nothing to find, that there is something,
    or that there is most likely nothing."""
    questions: int = Field(default=50, ge=0, le=10_000)
    """Maximum number of questions to the models; one to both counts once."""
    guess_every: int = Field(default=10, ge=0)
    """Number of questions after which an interim verdict is due; 0 requests none."""
    preview_rows: int = Field(default=5, ge=0, le=50)
    """Rows of each finding in the first prompt; a tool shows more."""
    characters: int = Field(default=20_000, ge=1_000)
    """Maximum length of a tool's result; the models' answers share it evenly."""
    max_tokens: int | None = Field(default=1_000_000, ge=1)
    """Maximum number of tokens of all prompts and completions; null sets no limit."""
