"""Summaries of next-token predictions: mean KL divergence and top tokens."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit.engine.pair import ModelPair
from diffkit.findings import Candidate
from diffkit.maths import token_divergences
from diffkit.texts import Texts

MAX_TOKENS = 512
"""Tokens read of each neutral text."""

MAX_LOGITS = 2**26
"""Logits of one side held at a time, at the most where one text alone has fewer."""


def mean_kl(pair: ModelPair, texts: Texts) -> float:
    """Mean KL(finetuned ‖ base) of the predictions of all tokens of ``texts``, in nats per token.

    Tokens are the base's; exactly 0 where both sides are one model.
    """
    if pair.identical:
        return 0.0
    total, count = 0.0, 0
    size = max(1, MAX_LOGITS // (MAX_TOKENS * pair.base.vocab_rows))
    for numbers in texts.batches(size):
        batch = [texts.items[number] for number in numbers]
        inputs = pair.base.inputs(batch, max_tokens=MAX_TOKENS)
        mask = inputs.mask[:, 1:].to(pair.base.device)  # a text's first token is not predicted
        if mask.any():
            p, q = (side.logits(inputs, keep=slice(0, -1)) for side in (pair.finetuned, pair.base))
            divergence = token_divergences(p, q, pair.vocabulary).kl_pq[mask]
            total, count = total + float(divergence.double().sum()), count + len(divergence)
    return total / max(count, 1)


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
            Candidate(token=tokenizer.decode([token]), probability=min(1.0, probability))
            for token, probability in zip(tokens, values, strict=True)
        )
        for tokens, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]
