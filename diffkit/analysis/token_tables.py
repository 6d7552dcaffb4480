"""Tables of the tokens with the largest scores."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from diffkit.findings import TokenScore, TokenTable


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
    """
    ranked = scores if order is None else order
    tokens = top_positive(ranked, count) if positive else top_tokens_by_score(ranked, count)
    values = scores[tokens].tolist()
    spreads = [None] * len(tokens) if spread is None else spread[tokens].tolist()
    rows = [
        TokenScore(token=tokenizer.decode([token]), score=value, spread=_known(error))
        for token, value, error in zip(tokens, values, spreads, strict=True)
    ]
    return TokenTable(title=title, unit=unit, rows=tuple(rows))


def _known(error: float | None) -> float | None:
    return None if error is None or error != error else error  # noqa: PLR0124 - NaN
