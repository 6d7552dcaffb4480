"""Suffixes, which follow a prefix: users' messages, and first words of documents.

Takes texts and a seed. Gives suffixes in random order, and prompts with a slot for a prefix.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch

from diffkit import ChatRefused, RunContext, Text, Texts, UserError
from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.prompts.layout import PromptLayout, PromptSlot, SuffixKind


@dataclass(frozen=True)
class Suffix:
    """Text that follows a prefix."""

    text: str
    kind: SuffixKind


def sample_suffixes(
    tokenizer: Any, texts: Texts, options: CompletionOptions, seed: int
) -> Iterator[Suffix]:
    """Samples suffixes of the texts in random order, without duplicates.

    The suffix of a chat is its first user message, without a system message before it; that of a
    document, its first words.

    Args:
        tokenizer: a transformers tokenizer.
        texts: the texts that suffixes come from.
        options: with the greatest length.
        seed: of the order.
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
    turns = [message.content.strip() for message in text.messages if message.role == "user"]
    if not turns or not turns[0] or len(_token_ids(tokenizer, turns[0])) > tokens:
        return None
    return Suffix(turns[0], "chat")


def _token_ids(tokenizer: Any, words: str) -> list[int]:
    ids: list[int] = tokenizer(words, add_special_tokens=False, verbose=False).input_ids
    return ids


SlotHalves = tuple[tuple[PromptSlot, ...], tuple[PromptSlot, ...]]
"""Training slots and held-out slots."""


def prompt_slots(
    layout: PromptLayout, config: CompletionOptions, texts: Texts, seed: int
) -> Iterator[PromptSlot]:
    """Slots before the suffixes of the texts, in random order."""
    for suffix in sample_suffixes(layout.tokenizer, texts, config, seed):
        try:
            yield layout.slot(suffix.text, suffix.kind)
        except ChatRefused:  # some templates refuse what others accept
            continue


def split_slots(
    layout: PromptLayout, config: CompletionOptions, context: RunContext, *, in_context: bool
) -> SlotHalves:
    """As many slots as the options ask for, half of them held out; or one without a suffix.

    Raises:
        UserError: the texts give fewer than two suffixes.
    """
    if not in_context:
        return (bare_slot(layout),), (bare_slot(layout),)
    count = min(config.suffixes, config.kept_suffixes)
    slots = tuple(islice(prompt_slots(layout, config, context.texts, context.seed), count))
    if len(slots) < 2:
        hint = "Give texts with more suffixes, or raise suffixes or suffix_tokens."
        raise UserError(f"The texts give {len(slots)} suffixes; two are needed.", hint=hint)
    return slots[::2], slots[1::2]


def bare_slot(layout: PromptLayout) -> PromptSlot:
    """A slot at the beginning of a user's message or a document, with nothing after it."""
    slot = layout.slot("a", "chat")
    start = slot.before or (layout.start_token,)
    return replace(slot, suffix="", rest=(), bare=start, text_after="")
