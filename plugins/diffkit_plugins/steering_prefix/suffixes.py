"""What prefixes are put before: users' words, and first words of documents."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from diffkit import Text, Texts
from diffkit_plugins.steering_prefix.layout import Kind
from diffkit_plugins.steering_prefix.search_options import CompletionOptions


@dataclass(frozen=True)
class Suffix:
    """Words that a prefix is put before."""

    words: str
    kind: Kind


def suffixes(
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
        suffix = _suffix(tokenizer, texts.items[number], options.suffix_tokens)
        if suffix is not None and suffix not in seen:
            seen.add(suffix)
            yield suffix


def _suffix(tokenizer: Any, text: Text, tokens: int) -> Suffix | None:
    if text.text is not None:
        first = _ids(tokenizer, text.text)[: max(1, tokens // 4)]
        words = tokenizer.decode(first, clean_up_tokenization_spaces=False).strip(" \ufffd")
        return Suffix(words, "document") if words else None
    said = [message.content.strip() for message in text.messages if message.role == "user"]
    if not said or not said[0] or len(_ids(tokenizer, said[0])) > tokens:
        return None
    return Suffix(said[0], "chat")


def _ids(tokenizer: Any, words: str) -> list[int]:
    ids: list[int] = tokenizer(words, add_special_tokens=False, verbose=False).input_ids
    return ids
