"""Options of reverse-lineup."""

from pydantic import Field

from diffkit_evaluators.graders.judge import JudgeConfig


class ReverseLineupConfig(JudgeConfig):
    """Which language model picks, and how often; without a model likeness of words does."""

    words: int = Field(default=200, ge=1)
    """Distinct content words of a claim that are read, from its beginning, where no language model
    picks."""
