"""Traces: tokens of a text with what both sides predicted for each of them."""

from collections.abc import Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from diffkit.analysis.predictions import top_tokens
from diffkit.findings import TracedToken


def trace_tokens(
    tokenizer: Any,
    words: Sequence[str],
    scores: Sequence[float],
    *,
    base: Float[Tensor, "predicted vocabulary"],
    finetuned: Float[Tensor, "predicted vocabulary"],
    candidates: int,
) -> tuple[TracedToken, ...]:
    """Tokens with a score and both sides' likeliest tokens, for a `TokenTrace`.

    Args:
        tokenizer: a transformers tokenizer, which decodes the likeliest tokens.
        words: the decoded tokens. If there are more words than predictions, the first words have
            no prediction, and neither score nor candidates.
        scores: the score of each predicted token.
        base: the base's probabilities for each predicted token.
        finetuned: the finetuned side's.
        candidates: the number of likeliest tokens of each side.
    """
    expected = (top_tokens(tokenizer, each, candidates) for each in (base, finetuned))
    first = len(words) - len(scores)
    unpredicted = [TracedToken(token=word) for word in words[:first]]
    predicted = [
        TracedToken(token=word, score=score, base=left, finetuned=right)
        for word, score, left, right in zip(words[first:], scores, *expected, strict=True)
    ]
    return (*unpredicted, *predicted)
