"""Suffixes that prefixes are put before: users' messages, and first words of documents.

Takes texts and a seed. Gives suffixes in random order, and the prompts with room for a prefix.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch

from diffkit import RunContext, Text, Texts, UserError
from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.prompts.layout import PromptLayout, PromptSlot, SuffixKind


@dataclass(frozen=True)
class Suffix:
    """Words that a prefix is put before."""

    words: str
    kind: SuffixKind


def sample_suffixes(
    tokenizer: Any, texts: Texts, options: CompletionOptions, seed: int
) -> Iterator[Suffix]:
    """Suffixes of the texts in an order drawn by the seed, none twice.

    Of a chat it is what the user says first, without what a system's message says before; of a
    document, its first words.

    Args:
        tokenizer: a transformers tokenizer.
        texts: where suffixes come from.
        options: how long they may be.
        seed: seed of the order.
    """
    generator = torch.Generator().manual_seed(seed)
    seen: set[Suffix] = set()
    for number in torch.randperm(len(texts), generator=generator).tolist():
        suffix = _suffix_of(tokenizer, texts.items[number], options.suffix_tokens)
        if suffix is not None and suffix not in seen:
            seen.add(suffix)
            yield suffix


def _suffix_of(tokenizer: Any, text: Text, tokens: int) -> Suffix | None:
    if text.text is not None:
        first = _token_ids(tokenizer, text.text)[: max(1, tokens // 4)]
        words = tokenizer.decode(first, clean_up_tokenization_spaces=False).strip(" \ufffd")
        return Suffix(words, "document") if words else None
    said = [message.content.strip() for message in text.messages if message.role == "user"]
    if not said or not said[0] or len(_token_ids(tokenizer, said[0])) > tokens:
        return None
    return Suffix(said[0], "chat")


def _token_ids(tokenizer: Any, words: str) -> list[int]:
    ids: list[int] = tokenizer(words, add_special_tokens=False, verbose=False).input_ids
    return ids


SlotHalves = tuple[tuple[PromptSlot, ...], tuple[PromptSlot, ...]]
"""Places in training, and held out."""


def prompt_slots(
    layout: PromptLayout, config: CompletionOptions, texts: Texts, seed: int
) -> Iterator[PromptSlot]:
    """Places before the suffixes of the texts, in an order drawn by the seed."""
    from jinja2 import TemplateError

    for suffix in sample_suffixes(layout.tokenizer, texts, config, seed):
        try:
            yield layout.place(suffix.words, suffix.kind)
        except TemplateError:  # some templates refuse what others take
            continue


def split_slots(
    layout: PromptLayout, config: CompletionOptions, context: RunContext, *, in_context: bool
) -> SlotHalves:
    """As many places as there are to be suffixes, half held out; or the one without a suffix.

    Raises:
        UserError: the texts give fewer than two suffixes.
    """
    if not in_context:
        return (bare_slot(layout),), (bare_slot(layout),)
    count = min(config.suffixes, config.kept_suffixes)
    places = tuple(islice(prompt_slots(layout, config, context.texts, context.seed), count))
    if len(places) < 2:
        hint = "Give texts with more suffixes, or raise suffixes or suffix_tokens."
        raise UserError(f"The texts give {len(places)} suffixes; two are needed.", hint=hint)
    return places[::2], places[1::2]


def bare_slot(layout: PromptLayout) -> PromptSlot:
    """A prefix as what a user begins to say, or as a document's beginning, and nothing after it."""
    place = layout.place("a", "chat")
    nothing = place.before or (layout.opening,)
    return replace(place, suffix="", rest=(), bare=nothing, words_after="")
