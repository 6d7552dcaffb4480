"""Log probabilities of given tokens, a chunk of positions at a time."""

from itertools import product

import torch
from jaxtyping import Float, Int
from torch import Tensor


def token_log_probabilities(
    logits: Float[Tensor, "batch seq rows"],
    ids: Int[Tensor, "batch seq"],
    vocabulary: int,
    chunk: int = 128,
) -> Float[Tensor, "batch seq"]:
    """The log probability of each token over the first ``vocabulary`` ones, renormalised.

    A token beyond them has no probability: −inf. No gradients.

    Args:
        logits: predictions; those for a text's token are at the position before it, so a text's
            are ``logits[:, :-1]`` for ``ids[:, 1:]``.
        ids: the token whose probability is asked for at each position.
        vocabulary: how many tokens count, such as those that both sides have.
        chunk: positions at a time; beyond the logits it takes twice chunk × vocabulary × 4 bytes
            of memory.

    Returns:
        In nats, float32, where the logits lie.
    """
    wanted = ids.to(logits.device)
    found = torch.full(wanted.shape, -torch.inf, device=logits.device)
    batch, seq = wanted.shape
    # Blocks, not flattened positions: flattening ``logits[:, :-1]`` would copy all of it.
    rows = max(chunk // max(seq, 1), 1)
    for first, start in product(range(0, batch, rows), range(0, seq, chunk)):
        block = (slice(first, first + rows), slice(start, start + chunk))
        # float32 before the softmax: bfloat16 has eight bits, too few for a sum over a vocabulary.
        log_p = logits[block].detach()[..., :vocabulary].float().log_softmax(dim=-1)
        tokens = wanted[block].clamp(max=vocabulary - 1)[..., None]
        each = log_p.gather(-1, tokens)[..., 0]
        found[block] = torch.where(wanted[block] < vocabulary, each, -torch.inf)
    return found
