"""The likeliest tokens of predictions, as findings show them."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit.findings import Candidate


def likeliest(
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
            Candidate(token=tokenizer.decode([token]), probability=min(1.0, probability))
            for token, probability in zip(tokens, values, strict=True)
        )
        for tokens, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]
