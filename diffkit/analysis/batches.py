"""Batches of rows that have similar lengths, so that little is padded."""

from collections.abc import Sequence

from diffkit.engine.model import Model
from diffkit.engine.tokenization import encode
from diffkit.texts import Texts

PADDING = 0.1
"""The largest share of a batch of texts that is padding."""


def batches_by_length(
    lengths: Sequence[int], size: int, *, padding: float = 1.0
) -> list[list[int]]:
    """The indices of rows in batches, shorter rows first; of equal lengths, the earlier row first.

    Args:
        lengths: the length of each row.
        size: the largest number of rows of a batch.
        padding: the largest share of a batch that may be padding; at 1 every batch but the last
            has ``size`` rows.
    """
    batches: list[list[int]] = []
    filled = 0
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        filled += lengths[index]
        whole = (len(batches[-1]) + 1) * lengths[index] if batches else 0
        if batches and len(batches[-1]) < size and whole - filled <= padding * whole:
            batches[-1].append(index)
        else:
            batches.append([index])
            filled = lengths[index]
    return batches


def batches_of_texts(model: Model, texts: Texts, size: int, *, max_tokens: int) -> list[list[int]]:
    """The indices of texts in batches of similar length in tokens, shorter texts first.

    Args:
        model: the model whose tokenizer counts.
        texts: the texts.
        size: the largest number of texts of a batch; at most a tenth of each is padding.
        max_tokens: tokens kept of each text, from its beginning.
    """
    lengths = [len(encode(model.tokenizer, text, max_tokens)) for text in texts.items]
    return batches_by_length(lengths, size, padding=PADDING)
