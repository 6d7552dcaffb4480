"""Options of the predictive grader."""

from pydantic import Field

from diffkit import MethodConfig


class PredictiveConfig(MethodConfig):
    """How predictions are tested on the models, and when they are confirmed."""

    predictions: int = Field(default=8, ge=1, le=1_000)
    """Maximum number of distinct predictions that count, from the first; the cost grows with it."""
    samples: int = Field(default=32, ge=8, le=10_000)
    """Number of answers that each model samples for each prediction, at temperature 1."""
    max_new_tokens: int = Field(default=64, ge=1, le=65_536)
    """Maximum length of an answer, in tokens."""
    level: float = Field(default=0.05, ge=1e-3, le=0.2)
    """Level of the test that confirms a prediction: the maximum probability that one is confirmed
    although both models say the phrase equally often."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the answers, which differ from all answers that an investigator has seen."""
