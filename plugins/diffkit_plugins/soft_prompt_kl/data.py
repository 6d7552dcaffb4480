"""Contexts that are completed and texts that are read, half of both held out.

Takes the suite's texts and the finetuned model, which writes further contexts. Gives training and
held-out contexts and passages.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import torch

from diffkit import (
    ModelPair,
    PromptStart,
    RunContext,
    Sampling,
    Text,
    Texts,
    UserError,
    prompt_starts,
    self_generated_prompts,
)
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig


@dataclass(frozen=True)
class PromptContext:
    """The opening that is completed."""

    ids: tuple[int, ...]
    """At least one."""
    words: str
    """The ids decoded."""
    category: str
    """Of the text that it comes from; where that has none, its kind (``user's turn``, …)."""
    number: int
    """Its place among all contexts: draws come from it and the seed."""


@dataclass(frozen=True)
class Passage:
    """Tokens that both sides read, and from which of them on predictions count."""

    ids: tuple[int, ...]
    """Without the soft prompt."""
    start: int
    """The first token whose prediction counts: a completion's first, or 0 in a text, which the
    soft prompt predicts whole."""
    category: str
    words: str = ""
    """What counts, decoded."""
    context: PromptContext | None = None
    """What it is a completion of; none for a text."""


@dataclass(frozen=True)
class PromptData:
    """What is trained on, and what is held out."""

    training: tuple[PromptContext, ...]
    held_out: tuple[PromptContext, ...]
    texts: tuple[Passage, ...] = ()
    """Texts that are trained on; where ``source`` is ``texts`` or ``both``."""
    held_out_texts: tuple[Passage, ...] = ()


OWN = "written by the finetuned side"
"""Category of contexts that no text of the suite gave."""


@dataclass(frozen=True)
class _Pool:
    """Texts of one origin, and how many contexts (and at most as many passages) they give."""

    texts: Sequence[Text]
    wanted: int

    def half(self, which: int) -> tuple[Sequence[Text], int]:
        """Every other text, from the first (0) or the second (1) on, and what these are to give."""
        return self.texts[which::2], (self.wanted + 1 - which) // 2


def prepare_data(pair: ModelPair, config: SoftPromptKLConfig, context: RunContext) -> PromptData:
    """Deals texts out in a drawn order, every other one to what is held out.

    No text and no context is in both halves. The base's tokenizer reads them for both sides.

    Args:
        pair: both sides.
        config: how many contexts of each origin, and how long they are.
        context: the texts, and the seed of their order.

    Raises:
        UserError: one of the halves has no context, or no text where texts are trained on.
    """
    suite = _Pool(_shuffled(context), config.contexts)
    training, held_out = _contexts(
        pair.base.tokenizer, (suite, _own(pair, config, context)), config
    )
    read = set[tuple[int, ...]]()
    texts, held_out_texts = (
        ((), ())
        if config.source == "completions"
        else (tuple(_passages(pair, *suite.half(which), config, read)) for which in (0, 1))
    )
    lacking = config.source != "completions" and not (texts and held_out_texts)
    if lacking or not (training and held_out):
        what = "The texts leave nothing to go on from, or nothing to hold out."
        raise UserError(what, hint="Give more texts, or set contexts or context_tokens higher.")
    return PromptData(training, held_out, texts, held_out_texts)


def _shuffled(context: RunContext) -> list[Text]:
    chance = torch.Generator().manual_seed(context.seed)
    order = torch.randperm(len(context.texts), generator=chance).tolist()
    return [context.texts.items[place] for place in order]


def _own(pair: ModelPair, config: SoftPromptKLConfig, context: RunContext) -> _Pool:
    sampling = Sampling(
        max_new_tokens=config.context_tokens,
        temperature=1.0,
        min_p=config.context_min_p,
        seed=context.seed,
    )
    texts = self_generated_prompts(pair.finetuned, config.own_contexts, sampling).items
    return _Pool([text.model_copy(update={"category": OWN}) for text in texts], config.own_contexts)


def _contexts(
    tokenizer: Any, pools: Sequence[_Pool], config: SoftPromptKLConfig
) -> tuple[tuple[PromptContext, ...], tuple[PromptContext, ...]]:
    numbers, seen = count(), set[tuple[int, ...]]()

    def of(texts: Sequence[Text]) -> Iterator[PromptContext]:
        for text in texts:
            for opening in _openings(tokenizer, text, config):
                if opening.ids not in seen:
                    seen.add(opening.ids)
                    category = text.category or opening.kind
                    yield PromptContext(opening.ids, opening.text, category, next(numbers))

    def half(which: int) -> tuple[PromptContext, ...]:
        halves = [pool.half(which) for pool in pools]
        return tuple(one for texts, wanted in halves for one in islice(of(texts), wanted))

    return half(0), half(1)


def _openings(tokenizer: Any, text: Text, config: SoftPromptKLConfig) -> list[PromptStart]:
    found = prompt_starts(
        tokenizer,
        Texts(items=(text,)),
        turns=len(text.messages),
        documents=1,
        tokens=max(1, config.context_tokens // 4),
        max_tokens=config.context_tokens,
    )
    return [one for one in found if one.kind in ("user's turn", "first words")]


def _passages(
    pair: ModelPair,
    texts: Sequence[Text],
    wanted: int,
    config: SoftPromptKLConfig,
    seen: set[tuple[int, ...]],
) -> Iterator[Passage]:
    def every() -> Iterator[Passage]:
        for text in texts:
            inputs = pair.base.inputs([text], max_tokens=config.max_tokens)
            assert inputs.ids is not None  # noqa: S101 - texts always give ids
            ids = tuple(inputs.ids[inputs.mask].tolist())
            category = text.category or ("chat" if text.messages else "document")
            if ids and ids not in seen:
                seen.add(ids)
                yield Passage(ids, 0, category, pair.base.tokenizer.decode(ids))

    return islice(every(), wanted)
