"""Puts predictions to both models."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from diffkit import Completion, Generator, GeneratorPair, Message, Prediction, Sampling, Text
from diffkit_evaluators.graders.predictive.bets import Bet
from diffkit_evaluators.graders.predictive.config import PredictiveConfig
from diffkit_evaluators.graders.predictive.phrases import holder

Answers = Mapping[str, Sequence[Completion]]
"""Prompt → what one side says to it."""
_BEYOND = 2**32
"""Seeds from here on: those of investigators' questions lie below."""


def distinct(predictions: Iterable[Prediction], count: int) -> tuple[Prediction, ...]:
    """The first ``count``, those left out that say again what an earlier one says."""
    by_content: dict[tuple[str, ...], Prediction] = {}
    for one in predictions:
        phrase = " ".join(one.phrase.casefold().split())
        by_content.setdefault((one.prompt.strip(), phrase, one.side), one)
    return tuple(islice(by_content.values(), count))


def settle(
    predictions: Sequence[Prediction], models: GeneratorPair, config: PredictiveConfig
) -> tuple[Bet, ...]:
    """What both models make of each prediction; those of one prompt share its answers.

    Both sides draw from the same seeds, so that models that are the same answer the same. Where
    they differ, answers that are drawn together only make the test more careful.

    Args:
        predictions: what is put to them.
        models: both sides.
        config: how many answers are drawn, and the level of the test.
    """
    prompts = list(dict.fromkeys(one.prompt for one in predictions))
    base, finetuned = (_answers(side, prompts, config) for side in (models.base, models.finetuned))
    return tuple(_bet(one, base[one.prompt], finetuned[one.prompt], config) for one in predictions)


def _answers(side: Generator, prompts: Sequence[str], config: PredictiveConfig) -> Answers:
    chats = [Text(messages=(Message(role="user", content=prompt),)) for prompt in prompts]
    sampling = Sampling(
        max_new_tokens=config.max_new_tokens, temperature=1, seed=_BEYOND + config.seed
    )
    count = config.samples
    said = side.generate([chat for chat in chats for _ in range(count)], sampling)
    return {prompt: said[k * count : (k + 1) * count] for k, prompt in enumerate(prompts)}


def unmoved(predictions: Sequence[Prediction], config: PredictiveConfig) -> tuple[Bet, ...]:
    """What two models that are the same make of them."""
    return tuple(_bet(one, (), (), config) for one in predictions)


def _bet(
    prediction: Prediction,
    base: Sequence[Completion],
    finetuned: Sequence[Completion],
    config: PredictiveConfig,
) -> Bet:
    holds = holder(prediction.phrase)
    held = [sum(holds(one.text) for one in answers) for answers in (base, finetuned)]
    predicted, other = held if prediction.side == "base" else reversed(held)
    return Bet(prediction.p, predicted, other, config.samples, config.level)
