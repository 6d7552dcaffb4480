"""Divergences and log-probabilities of next-token distributions, position by position."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit.maths.objectives import jsd, kl, reverse_kl, weighted


@dataclass(frozen=True)
class Divergences:
    """Divergences at each position, in nats, float32."""

    kl_pq: Float[Tensor, "batch seq"]
    """KL(p ‖ q)."""
    kl_qp: Float[Tensor, "batch seq"]
    """KL(q ‖ p)."""
    jsd: Float[Tensor, "batch seq"]
    """Jensen-Shannon divergence, at most ln 2."""


@dataclass(frozen=True)
class _Chunk:
    """Log probabilities at consecutive positions."""

    start: int
    stop: int
    log_p: Float[Tensor, "chunk vocabulary"]
    log_q: Float[Tensor, "chunk vocabulary"]


def token_divergences(
    logits_p: Float[Tensor, "batch seq rows_p"],
    logits_q: Float[Tensor, "batch seq rows_q"],
    vocabulary: int,
    chunk: int = 128,
) -> Divergences:
    """Divergences over the first ``vocabulary`` tokens, renormalised over them.

    Exactly 0 where the logits are bit-equal. No gradients.

    Args:
        logits_p: one side's logits.
        logits_q: the other side's; it may have another number of rows.
        vocabulary: how many tokens both sides have.
        chunk: positions at a time; beyond the inputs it takes a few times chunk × vocabulary
            × 4 bytes of memory.
    """
    count = logits_p.shape[0] * logits_p.shape[1]
    flat = torch.zeros(3, count, device=logits_p.device)
    for part in _chunks(logits_p, logits_q, vocabulary, chunk):
        both = (part.log_p, part.log_q)
        each = torch.stack([kl(*both), reverse_kl(*both), jsd(*both)])
        flat[:, part.start : part.stop] = each
    return Divergences(*flat.view(3, *logits_p.shape[:2]))


def token_contributions(
    logits_p: Float[Tensor, "batch seq rows_p"],
    logits_q: Float[Tensor, "batch seq rows_q"],
    mask: Bool[Tensor, "batch seq"],
    vocabulary: int,
    chunk: int = 128,
) -> Float[Tensor, " vocabulary"]:
    """What each token contributes to KL(p ‖ q): p·log(p/q) summed over positions, in nats.

    Contributions may be negative; they add up to the sum of KL(p ‖ q) over the positions.

    Args:
        logits_p: one side's logits.
        logits_q: the other side's.
        mask: true at the positions that count.
        vocabulary: how many tokens both sides have.
        chunk: positions at a time.

    Returns:
        The sums, float64.
    """
    total = torch.zeros(vocabulary, dtype=torch.float64, device=logits_p.device)
    counted = mask.reshape(-1)
    for part in _chunks(logits_p, logits_q, vocabulary, chunk):
        each = weighted(part.log_p, part.log_p - part.log_q)
        total += each[counted[part.start : part.stop]].sum(dim=0, dtype=torch.float64)
    return total


def _chunks(
    logits_p: Float[Tensor, "batch seq rows_p"],
    logits_q: Float[Tensor, "batch seq rows_q"],
    vocabulary: int,
    chunk: int,
) -> Iterator[_Chunk]:
    # float32 before the softmax: bfloat16 has eight bits, too few for a sum over a vocabulary.
    flat_p, flat_q = logits_p.detach().flatten(0, 1), logits_q.detach().flatten(0, 1)
    for start in range(0, len(flat_p), chunk):
        part_p = flat_p[start : start + chunk, :vocabulary].float()
        part_q = flat_q[start : start + chunk, :vocabulary].float()
        yield _Chunk(
            start, start + len(part_p), part_p.log_softmax(dim=-1), part_q.log_softmax(dim=-1)
        )


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
