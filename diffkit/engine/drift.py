"""How far a finetuning moved a model's predictions."""

from diffkit.engine.pair import ModelPair
from diffkit.maths import token_divergences
from diffkit.texts import Texts

MAX_TOKENS = 512
"""Tokens read of each neutral text."""
ENTRIES = 2**26
"""Logits of one side held at a time, at the most where one text alone has fewer."""


def drift(pair: ModelPair, texts: Texts) -> float:
    """Mean KL(finetuned ‖ base) of the predictions of all tokens of ``texts``, in nats per token.

    Tokens are the base's; exactly 0 where both sides are one model.
    """
    if pair.identical:
        return 0.0
    total, count = 0.0, 0
    size = max(1, ENTRIES // (MAX_TOKENS * pair.base.rows))
    for numbers in texts.batches(size):
        batch = [texts.items[number] for number in numbers]
        inputs = pair.base.inputs(batch, max_tokens=MAX_TOKENS)
        mask = inputs.mask[:, 1:].to(pair.base.device)  # a text's first token is not predicted
        if mask.any():
            p, q = (side.logits(inputs, keep=slice(0, -1)) for side in (pair.finetuned, pair.base))
            divergence = token_divergences(p, q, pair.vocabulary).kl_pq[mask]
            total, count = total + float(divergence.double().sum()), count + len(divergence)
    return total / max(count, 1)
