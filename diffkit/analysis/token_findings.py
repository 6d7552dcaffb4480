"""Findings about tokens: tables of scores, and traces of both sides' predictions."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit.analysis.token_texts import token_text
from diffkit.findings import Candidate, TokenScore, TokenTable, TracedToken


def top_tokens(
    tokenizer: Any, probabilities: Float[Tensor, "places vocabulary"], count: int
) -> list[tuple[Candidate, ...]]:
    """The ``count`` likeliest tokens of each place, decoded, the likeliest first.

    Args:
        tokenizer: a transformers tokenizer.
        probabilities: of each token; rounding may bring one above 1.
        count: how many at most.
    """
    best = torch.topk(probabilities, min(count, probabilities.shape[-1]), dim=-1)
    return [
        tuple(
            Candidate(token=token_text(tokenizer, token), probability=min(1.0, probability))
            for token, probability in zip(tokens, values, strict=True)
        )
        for tokens, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


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


def top_positive(scores: Float[Tensor, " vocabulary"], count: int) -> list[int]:
    """The tokens with the largest scores, largest first; only scores above 0.

    Args:
        scores: the score of each token; of equal scores, the lower token id comes first.
        count: the largest number of tokens.
    """
    best = scores.sort(descending=True, stable=True)
    found: list[int] = best.indices[:count][best.values[:count] > 0].tolist()
    return found


def top_tokens_by_score(scores: Float[Tensor, " vocabulary"], count: int) -> list[int]:
    """The tokens with the largest scores, largest first; the lower token id first of equals."""
    found: list[int] = scores.sort(descending=True, stable=True).indices[:count].tolist()
    return found


def token_table(
    title: str,
    scores: Float[Tensor, " vocabulary"],
    tokenizer: Any,
    count: int,
    *,
    unit: str,
    spread: Float[Tensor, " vocabulary"] | None = None,
    order: Float[Tensor, " vocabulary"] | None = None,
    positive: bool = True,
    words: Mapping[int, str] = MappingProxyType({}),
) -> TokenTable:
    """The tokens with the largest scores as a finding.

    Args:
        title: what the scores mean.
        scores: the score of each token of the vocabulary.
        tokenizer: a transformers tokenizer, which decodes the tokens.
        count: the largest number of rows.
        unit: the unit of the scores.
        spread: the uncertainty of each score; a row has none where it is not a number.
        order: the numbers that tokens are ordered by, such as lower bounds; by default the scores.
        positive: whether tokens whose number in the order is not above 0 are left out.
        words: what is shown of some tokens in place of what they decode to.
    """
    ranked = scores if order is None else order
    tokens = top_positive(ranked, count) if positive else top_tokens_by_score(ranked, count)
    values = scores[tokens].tolist()
    spreads = [None] * len(tokens) if spread is None else spread[tokens].tolist()
    rows = [
        TokenScore(
            token=words.get(token) or token_text(tokenizer, token),
            score=value,
            spread=_known(error),
        )
        for token, value, error in zip(tokens, values, spreads, strict=True)
    ]
    return TokenTable(title=title, unit=unit, rows=tuple(rows))


def _known(error: float | None) -> float | None:
    return None if error is None or error != error else error  # noqa: PLR0124 - NaN
