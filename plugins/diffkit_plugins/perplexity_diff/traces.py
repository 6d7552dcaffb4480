"""Samples token by token, with what each side expected in each token's place."""

from diffkit import Inputs, ModelPair, TokenTrace, TracedToken, likeliest
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
    tokenizer = pair.base.tokenizer
    read = (
        side.logits(inputs, keep=predicting)[0, :, : pair.vocabulary].float().softmax(dim=-1)
        for side in (pair.base, pair.finetuned)
    )
    base, finetuned = (likeliest(tokenizer, expected, candidates) for expected in read)
    tokens = [
        TracedToken(token=tokenizer.decode([token]), score=score, base=left, finetuned=right)
        for token, score, left, right in zip(
            sample.ids, scored.ratios.tolist(), base, finetuned, strict=True
        )
    ]
    return TokenTrace(
        title=f"Sampled from the finetuned side, {place}: log(p finetuned / p base) of each token",
        unit="nats",
        tokens=tuple(tokens),
    )
