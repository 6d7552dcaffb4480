"""Samples of both sides from the same openings with the same draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from diffkit import Inputs, Model, ModelPair, Opening, RunContext, Sampling, openings
from diffkit_plugins.perplexity_diff.config import PerplexityDiffConfig


@dataclass(frozen=True)
class Sampled:
    """How one side went on from an opening."""

    opening: Opening
    text: str
    """Without special tokens."""
    ids: tuple[int, ...]
    """The text's, by the base's tokenizer, up to the first that one side lacks; what both sides are
    scored on."""


@dataclass(frozen=True)
class Drawn:
    """One sample of each side, from one opening with one row of draws."""

    base: Sampled
    finetuned: Sampled


def draw(pair: ModelPair, config: PerplexityDiffConfig, context: RunContext) -> tuple[Drawn, ...]:
    """Samples at temperature 1, so that a text comes as often as the side finds it likely.

    Args:
        pair: both sides.
        config: the options.
        context: texts, seed and progress.
    """
    found = openings(
        pair.base.tokenizer,
        context.texts,
        turns=config.turns,
        documents=config.documents,
        tokens=config.opening_tokens,
    )
    free = ("document", "chat", "empty turn")
    rows = [o for o in found for _ in range(config.free_samples if o.kind in free else 1)]
    rows.sort(key=lambda opening: len(opening.ids))  # rows of about one length need little padding
    sampling = Sampling(max_new_tokens=config.max_new_tokens, temperature=1.0, seed=context.seed)
    starts = range(0, len(rows), config.batch_size)
    drawn: list[Drawn] = []
    for start in context.progress(starts, label="samples", total=len(starts)):
        batch = rows[start : start + config.batch_size]
        base, finetuned = (
            _samples(pair, side, batch, sampling, start) for side in (pair.base, pair.finetuned)
        )
        drawn += [Drawn(*both) for both in zip(base, finetuned, strict=True)]
    return tuple(drawn)


def _samples(
    pair: ModelPair, side: Model, batch: Sequence[Opening], sampling: Sampling, first: int
) -> list[Sampled]:
    inputs = Inputs.of([opening.ids for opening in batch], side="left")
    done = side.generate_from(inputs, sampling, first=first)
    return [
        Sampled(opening, one.text, _common_ids(pair, one.text))
        for opening, one in zip(batch, done, strict=True)
    ]


def _common_ids(pair: ModelPair, text: str) -> tuple[int, ...]:
    ids: list[int] = pair.base.tokenizer(text, add_special_tokens=False, verbose=False).input_ids
    return tuple(takewhile(lambda token: token < pair.vocabulary, ids))
