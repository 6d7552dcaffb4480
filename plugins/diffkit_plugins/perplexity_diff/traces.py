"""Samples token by token, with what each side expected in each token's place."""

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Candidate, Inputs, ModelPair, TokenTrace, TracedToken
from diffkit_plugins.perplexity_diff.survey import Scored


def trace(pair: ModelPair, scored: Scored, place: int, candidates: int) -> TokenTrace:
    """A sample after its opening, each token with its log ratio.

    The sample is read again, alone, so that scoring keeps no predictions.

    Args:
        pair: both sides.
        scored: the sample.
        place: its place among those shown, from 1, for the title.
        candidates: likeliest tokens of each side.
    """
    sample = scored.sample
    inputs = Inputs.of([sample.opening.ids + sample.ids])
    predicting = slice(len(sample.opening.ids) - 1, -1)
    base, finetuned = (
        _candidates(pair, side.logits(inputs, keep=predicting)[0], candidates)
        for side in (pair.base, pair.finetuned)
    )
    decode = pair.base.tokenizer.decode
    tokens = [
        TracedToken(token=decode([token]), score=score, base=left, finetuned=right)
        for token, score, left, right in zip(
            sample.ids, scored.ratios.tolist(), base, finetuned, strict=True
        )
    ]
    return TokenTrace(
        title=f"Sampled from the finetuned side, {place}: log(p finetuned / p base) of each token",
        unit="nats",
        tokens=tuple(tokens),
    )


def _candidates(
    pair: ModelPair, logits: Float[Tensor, "seq rows"], count: int
) -> list[tuple[Candidate, ...]]:
    """The likeliest tokens of each place, over the common vocabulary."""
    probabilities = logits[:, : pair.vocabulary].float().softmax(dim=-1)
    best = torch.topk(probabilities, min(count, probabilities.shape[-1]), dim=-1)
    decode = pair.base.tokenizer.decode
    return [
        tuple(
            Candidate(token=decode([token]), probability=min(1.0, probability))
            for token, probability in zip(tokens, values, strict=True)
        )
        for tokens, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]
