"""Options of rubric."""

from pydantic import Field

from diffkit_evaluators.graders.judge import JudgeConfig


class RubricConfig(JudgeConfig):
    """Which language model marks, how often, and how chance is measured."""

    chance_truths: int = Field(default=1, ge=0, le=8)
    """Wrong truths that each claim is marked against, once each; their mean score is the chance.
    With 0 none is measured, and chance is given as 0."""
