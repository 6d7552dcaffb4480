"""Samples answers to predictions from both models, tests and scores them."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from scipy.stats import fisher_exact

from diffkit import Completion, Generator, GeneratorPair, Message, Prediction, Sampling, Text
from diffkit_evaluators.graders.predictive.config import PredictiveConfig

CHANCE_SCORE = 0.5
"""The score of a prediction with probability 0, for any outcome."""

_MIN_PROBABILITY = 0.01
"""Lower bound of probabilities in the log score, which has no bound itself."""


@dataclass(frozen=True)
class ScoredPrediction:
    """A prediction with the counts of the models' answers."""

    p: float
    """Probability that the investigator gave to it."""
    predicted: int
    """Number of answers of the predicted side that contain the phrase."""
    other: int
    """Number of answers of the other side that contain it."""
    samples: int
    """Number of answers of each side."""
    level: float
    """Level of the test."""

    @cached_property
    def p_value(self) -> float:
        """One-sided p-value of equal shares, by Fisher's exact test (Fisher 1935)."""
        return _fisher_p(self.predicted, self.other, self.samples)

    @property
    def confirmed(self) -> bool:
        """Whether the predicted side says the phrase significantly more often."""
        return self.p_value <= self.level

    @cached_property
    def reversed(self) -> bool:
        """Whether the other side says it significantly more often."""
        return _fisher_p(self.other, self.predicted, self.samples) <= self.level

    @property
    def score(self) -> float:
        """Between 0 and 1."""
        return _prediction_score(self.p, outcome=self.confirmed)

    @property
    def exchanged(self) -> float:
        """The score as if the other side had been predicted."""
        return _prediction_score(self.p, outcome=self.reversed)

    @property
    def brier(self) -> float:
        """(p − outcome)², between 0 and 1; lower is better (Brier 1950)."""
        return (self.p - self.confirmed) ** 2

    @property
    def log_score(self) -> float:
        """Log-probability of the outcome in nats; at least ln 0.01."""
        return math.log(max(self.p if self.confirmed else 1 - self.p, _MIN_PROBABILITY))


def _prediction_score(p: float, *, outcome: bool) -> float:
    """(1 + gain) / 2, where the gain is the improvement of the Brier score over p = 0.

    The gain is outcome − (p − outcome)². Honest probabilities score best, as by Brier's rule. But a
    prediction that fails, as most conceivable ones do, earns nothing by a low p.
    """
    return (1 + outcome - (p - outcome) ** 2) / 2


def _fisher_p(more: int, less: int, samples: int) -> float:
    table = [[more, samples - more], [less, samples - less]]
    return float(fisher_exact(table, alternative="greater").pvalue)


PhraseMatcher = Callable[[str], bool]
"""Whether a text contains the phrase."""


def phrase_matcher(phrase: str) -> PhraseMatcher:
    """Finds ``phrase`` in casefolded texts, as whole words; all white space is alike.

    A word is whole if no letter, digit or underscore is next to it. No text contains a phrase of
    white space only.
    """
    words = phrase.casefold().split()
    if not words:
        return lambda _: False
    pattern = r"\s+".join(map(re.escape, words))
    before = r"(?<!\w)" if re.match(r"\w", words[0]) else ""
    after = r"(?!\w)" if re.search(r"\w$", words[-1]) else ""
    search = re.compile(before + pattern + after).search
    return lambda text: search(text.casefold()) is not None


AnswersByPrompt = Mapping[str, Sequence[Completion]]
"""Prompt → answers of one side."""

_FIRST_SEED = 2**32
"""First seed of the answers; investigators' questions have lower ones."""


def distinct_predictions(predictions: Iterable[Prediction], count: int) -> tuple[Prediction, ...]:
    """The first ``count`` predictions; repetitions of earlier ones are left out."""
    by_content: dict[tuple[str, ...], Prediction] = {}
    for one in predictions:
        phrase = " ".join(one.phrase.casefold().split())
        by_content.setdefault((one.prompt.strip(), phrase, one.side), one)
    return tuple(islice(by_content.values(), count))


def score_predictions(
    predictions: Sequence[Prediction], models: GeneratorPair, config: PredictiveConfig
) -> tuple[ScoredPrediction, ...]:
    """Samples answers of both models, and counts the phrases of the predictions in them.

    Predictions for one prompt share its answers. Both sides use the same seeds, so that identical
    models answer alike; for other models, this makes the test more conservative.

    Args:
        predictions: the predictions.
        models: generators of both sides.
        config: number of answers, and the level of the test.
    """
    prompts = list(dict.fromkeys(one.prompt for one in predictions))
    base, finetuned = (
        _sample_answers(side, prompts, config) for side in (models.base, models.finetuned)
    )
    return tuple(
        _scored_prediction(one, base[one.prompt], finetuned[one.prompt], config)
        for one in predictions
    )


def _sample_answers(
    side: Generator, prompts: Sequence[str], config: PredictiveConfig
) -> AnswersByPrompt:
    chats = [Text(messages=(Message(role="user", content=prompt),)) for prompt in prompts]
    sampling = Sampling(
        max_new_tokens=config.max_new_tokens, temperature=1, seed=_FIRST_SEED + config.seed
    )
    count = config.samples
    said = side.generate([chat for chat in chats for _ in range(count)], sampling)
    return {prompt: said[k * count : (k + 1) * count] for k, prompt in enumerate(prompts)}


def score_on_identical(
    predictions: Sequence[Prediction], config: PredictiveConfig
) -> tuple[ScoredPrediction, ...]:
    """The predictions with the counts of two identical models."""
    return tuple(_scored_prediction(one, (), (), config) for one in predictions)


def _scored_prediction(
    prediction: Prediction,
    base: Sequence[Completion],
    finetuned: Sequence[Completion],
    config: PredictiveConfig,
) -> ScoredPrediction:
    holds = phrase_matcher(prediction.phrase)
    held = [sum(holds(one.text) for one in answers) for answers in (base, finetuned)]
    predicted, other = held if prediction.side == "base" else reversed(held)
    return ScoredPrediction(prediction.p, predicted, other, config.samples, config.level)
