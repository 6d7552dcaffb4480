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
"""The score of a probability of 0, for any outcome."""

_MIN_PROBABILITY = 0.01
"""Probabilities of an outcome below it are scored as it by the logarithm, which has no bound."""


@dataclass(frozen=True)
class ScoredPrediction:
    """A prediction after the models have answered."""

    p: float
    """Probability given to it."""
    predicted: int
    """Answers of the predicted side that hold the phrase."""
    other: int
    """Answers of the other side that do."""
    samples: int
    """Answers of each side."""
    level: float
    """Level of the test."""

    @cached_property
    def p_value(self) -> float:
        """One-sided, of equal shares, by Fisher's exact test (Fisher 1935)."""
        return _fisher_p(self.predicted, self.other, self.samples)

    @property
    def confirmed(self) -> bool:
        """Whether the predicted side holds the phrase more often."""
        return self.p_value <= self.level

    @cached_property
    def reversed(self) -> bool:
        """Whether the other side does."""
        return _fisher_p(self.other, self.predicted, self.samples) <= self.level

    @property
    def score(self) -> float:
        """Between 0 and 1."""
        return _prediction_score(self.p, outcome=self.confirmed)

    @property
    def exchanged(self) -> float:
        """The score, had the other side been predicted."""
        return _prediction_score(self.p, outcome=self.reversed)

    @property
    def brier(self) -> float:
        """(p − outcome)², between 0 and 1; lower is better (Brier 1950)."""
        return (self.p - self.confirmed) ** 2

    @property
    def log_score(self) -> float:
        """Log probability of what happened, in nats; at least ln 0.01."""
        return math.log(max(self.p if self.confirmed else 1 - self.p, _MIN_PROBABILITY))


def _prediction_score(p: float, *, outcome: bool) -> float:
    """(1 + gain) / 2, where the gain is how much better than p = 0 the Brier score is.

    The gain is outcome − (p − outcome)², so honest probabilities score best, as by Brier's rule;
    but a prediction that fails, as nearly all that one could think of do, earns nothing by a low p.
    """
    return (1 + outcome - (p - outcome) ** 2) / 2


def _fisher_p(more: int, less: int, samples: int) -> float:
    table = [[more, samples - more], [less, samples - less]]
    return float(fisher_exact(table, alternative="greater").pvalue)


PhraseMatcher = Callable[[str], bool]
"""Whether a text holds the phrase."""


def phrase_matcher(phrase: str) -> PhraseMatcher:
    """Looks for ``phrase`` in texts: casefolded, as whole words, any white space for any other.

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
"""Prompt → what one side says to it."""

_FIRST_SEED = 2**32
"""Seeds from here on: those of investigators' questions lie below."""


def distinct_predictions(predictions: Iterable[Prediction], count: int) -> tuple[Prediction, ...]:
    """The first ``count``, those left out that say again what an earlier one says."""
    by_content: dict[tuple[str, ...], Prediction] = {}
    for one in predictions:
        phrase = " ".join(one.phrase.casefold().split())
        by_content.setdefault((one.prompt.strip(), phrase, one.side), one)
    return tuple(islice(by_content.values(), count))


def score_predictions(
    predictions: Sequence[Prediction], models: GeneratorPair, config: PredictiveConfig
) -> tuple[ScoredPrediction, ...]:
    """What both models make of each prediction; those of one prompt share its answers.

    Both sides draw from the same seeds, so that models that are the same answer the same. Where
    they differ, answers that are drawn together only make the test more careful.

    Args:
        predictions: what is tested.
        models: both sides.
        config: how many answers are drawn, and the level of the test.
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
    """What two models that are the same make of them."""
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
