"""The most divergent places in their context, with what each side expected there."""

from collections.abc import Sequence

from diffkit import ModelPair, Text, TokenTrace, TracedToken, likeliest
from diffkit.maths.divergences import token_divergences
from diffkit_plugins.kl.config import KLConfig
from diffkit_plugins.kl.peaks import Peak


def trace(
    pair: ModelPair, texts: Sequence[Text], peak: Peak, place: int, config: KLConfig
) -> TokenTrace:
    """A window of tokens around ``peak``, each with the KL(finetuned‖base) of its prediction.

    The text is read again, alone, so that the first pass over all texts keeps nothing.

    Args:
        pair: both sides.
        texts: the texts that the peak's number counts through.
        peak: the place in the middle.
        place: its place among the peaks, from 1, for the title.
        config: the options.
    """
    inputs = pair.base.inputs([texts[peak.text]], max_tokens=config.max_tokens)
    assert inputs.ids is not None  # noqa: S101 - texts always give ids
    first = max(0, peak.position - config.window)
    ids = inputs.ids[0, first : peak.position + config.window + 1].tolist()
    predicting = slice(max(0, first - 1), first + len(ids) - 1)
    q, p = (side.logits(inputs, keep=predicting) for side in (pair.base, pair.finetuned))
    scores = token_divergences(p, q, pair.vocabulary, config.chunk).kl_pq[0]
    tokenizer = pair.base.tokenizer
    base, finetuned = (
        likeliest(tokenizer, side[0, :, : pair.vocabulary].float().softmax(-1), config.candidates)
        for side in (q, p)
    )
    words = [tokenizer.decode([token]) for token in ids]
    traced = [
        TracedToken(token=word, score=score, base=left, finetuned=right)
        for word, score, left, right in zip(
            words[-len(base) :], scores.tolist(), base, finetuned, strict=True
        )
    ]
    opening = [TracedToken(token=word) for word in words[: len(words) - len(traced)]]
    return TokenTrace(
        title=f"Where the sides part, {place}: KL(finetuned‖base) of each token's prediction",
        unit="nats",
        tokens=(*opening, *traced),
    )
