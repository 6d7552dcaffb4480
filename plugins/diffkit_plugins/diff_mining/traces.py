"""The places where the leading tokens' probability rose most, in their context."""

from collections.abc import Sequence

from diffkit import ModelPair, Text, TokenTrace, TracedToken, likeliest
from diffkit_plugins.diff_mining.config import DiffMiningConfig
from diffkit_plugins.diff_mining.places import Place

END = "[end]"
"""Stands for what would follow the tokens that were read."""


def trace(
    pair: ModelPair, texts: Sequence[Text], token: int, place: Place, config: DiffMiningConfig
) -> TokenTrace:
    """A window of tokens around ``place``, each with how far ``token`` rose in its stead.

    The text is read again, alone, so that the pass over all texts keeps nothing.

    Args:
        pair: both sides.
        texts: the texts that the place's number counts through.
        token: the token that rose.
        place: where it rose most.
        config: the options.
    """
    inputs = pair.base.inputs([texts[place.text]], max_tokens=config.max_tokens)
    assert inputs.ids is not None  # noqa: S101 - texts always give ids
    decode = pair.base.tokenizer.decode
    words = [*(decode([each]) for each in inputs.ids[0].tolist()), END]
    shown = slice(max(0, place.position - config.window), place.position + config.window + 1)
    q, p = (
        side.logits(inputs)[0, :, : pair.vocabulary].float().softmax(dim=-1)
        for side in (pair.base, pair.finetuned)
    )
    rises = (p[:, token] - q[:, token].to(p.device)).tolist()
    base, finetuned = (likeliest(pair.base.tokenizer, side, config.candidates) for side in (q, p))
    predicted = [
        TracedToken(token=word, score=score, base=left, finetuned=right)
        for word, score, left, right in zip(words[1:], rises, base, finetuned, strict=True)
    ]
    return TokenTrace(
        title=f"Where {decode([token])!r} rose most: its rise in the place of each token",
        unit="probability, finetuned − base",
        tokens=(TracedToken(token=words[0]), *predicted)[shown],
    )
