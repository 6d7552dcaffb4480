"""Options of rubric."""

from pydantic import Field

from diffkit_evaluators.graders.judge import JudgeConfig


class RubricConfig(JudgeConfig):
    """Options of rubric: the judge, and how chance is measured."""

    chance_truths: int = Field(default=1, ge=0, le=8)
    """Number of wrong truths that each claim is graded against, once each; their mean score is the
    chance. With 0, chance is not measured and counts as 0."""
