"""Divergences and log-probabilities of next-token distributions, position by position."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit.maths.chunks import chunk_positions
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
class PredictionComparison:
    """What two sides' predictions at some positions have to be compared by, from one pass."""

    kl_pq: Float[Tensor, " positions"]
    """KL(p ‖ q) at each position, in nats."""
    kl_qp: Float[Tensor, " positions"]
    """KL(q ‖ p)."""
    jsd: Float[Tensor, " positions"]
    """Jensen-Shannon divergence, at most ln 2."""
    towards_p: Float[Tensor, " vocabulary"]
    """What each token contributes to KL(p ‖ q): p·log(p/q), summed over the positions."""
    towards_q: Float[Tensor, " vocabulary"]
    """What it contributes to KL(q ‖ p)."""
    parts_p: Float[Tensor, "positions vocabulary"]
    """What each token contributes to KL(p ‖ q) at each position."""

    @property
    def raised(self) -> Int[Tensor, " positions"]:
        """The token that contributes most to KL(p ‖ q) at each position: p would rather say it."""
        return self.parts_p.argmax(dim=-1)


def compare_predictions(
    log_p: Float[Tensor, "positions vocabulary"], log_q: Float[Tensor, "positions vocabulary"]
) -> PredictionComparison:
    """All divergences of two sides' predictions, with two exponentials and one logarithm a token.

    They differ from those of `diffkit.maths.DIVERGENCES` by rounding; exactly 0 where both sides
    are equal. No gradients.

    Args:
        log_p: one side's log probabilities, float32; a few positions at a time are fastest.
        log_q: the other side's.
    """
    log_p, log_q = log_p.detach(), log_q.detach()
    p, q, ratio = log_p.exp(), log_q.exp(), log_p - log_q
    towards_p, towards_q = p * ratio, (q * ratio).neg_()
    kl_pq, kl_qp = towards_p.sum(dim=-1), towards_q.sum(dim=-1)
    # With a = |log p - log q| and m = (p + q) / 2, log m - log max(p, q) is log((1 + e^-a) / 2),
    # and log m - log min(p, q) is a more: no part is large, and none loses what is near 0.
    less, a = torch.minimum(p, q), ratio.abs_()
    shared = less.mul_(a).sum(dim=-1)
    middle = torch.expm1(a.neg_()).mul_(0.5).log1p_()
    jsd = -0.5 * (p.add_(q).mul_(middle).sum(dim=-1) + shared)
    found = PredictionComparison(
        kl_pq.clamp(min=0),
        kl_qp.clamp(min=0),
        jsd.clamp(min=0),
        towards_p.sum(dim=0),
        towards_q.sum(dim=0),
        towards_p,
    )
    # what is not finite may be 0 · ∞, where a side excludes a token
    finite = torch.isfinite(kl_pq + kl_qp + jsd).all()
    return found if finite else _compare_with_exclusions(log_p, log_q)


def _compare_with_exclusions(
    log_p: Float[Tensor, "positions vocabulary"], log_q: Float[Tensor, "positions vocabulary"]
) -> PredictionComparison:
    """The same where probabilities may be 0."""
    ratio = log_p - log_q
    towards_p = weighted(log_p, ratio)
    return PredictionComparison(
        kl(log_p, log_q),
        reverse_kl(log_p, log_q),
        jsd(log_p, log_q),
        towards_p.sum(dim=0),
        weighted(log_q, -ratio).sum(dim=0),
        towards_p,
    )


def token_divergences(
    logits_p: Float[Tensor, "batch seq rows_p"],
    logits_q: Float[Tensor, "batch seq rows_q"],
    vocabulary: int,
    chunk: int | None = None,
) -> Divergences:
    """Divergences over the first ``vocabulary`` tokens, renormalised over them.

    Exactly 0 where the logits are bit-equal. No gradients.

    Args:
        logits_p: one side's logits.
        logits_q: the other side's; it may have another number of rows.
        vocabulary: how many tokens both sides have.
        chunk: positions at a time; none takes what stays in the processor's cache.
    """
    count = logits_p.shape[0] * logits_p.shape[1]
    flat = torch.zeros(3, count, device=logits_p.device)
    for places, found in _compared(logits_p, logits_q, vocabulary, chunk):
        flat[:, places] = torch.stack([found.kl_pq, found.kl_qp, found.jsd])
    return Divergences(*flat.view(3, *logits_p.shape[:2]))


def token_contributions(
    logits_p: Float[Tensor, "batch seq rows_p"],
    logits_q: Float[Tensor, "batch seq rows_q"],
    mask: Bool[Tensor, "batch seq"],
    vocabulary: int,
    chunk: int | None = None,
) -> Float[Tensor, " vocabulary"]:
    """What each token contributes to KL(p ‖ q): p·log(p/q) summed over positions, in nats.

    Contributions may be negative; they add up to the sum of KL(p ‖ q) over the positions.

    Args:
        logits_p: one side's logits.
        logits_q: the other side's.
        mask: true at the positions that count.
        vocabulary: how many tokens both sides have.
        chunk: positions at a time; none takes what stays in the processor's cache.

    Returns:
        The sums, float64.
    """
    total = torch.zeros(vocabulary, dtype=torch.float64, device=logits_p.device)
    chosen_p, chosen_q = logits_p[mask.to(logits_p.device)], logits_q[mask.to(logits_q.device)]
    for _, found in _compared(chosen_p[None], chosen_q[None], vocabulary, chunk):
        total += found.towards_p
    return total


def _compared(
    logits_p: Float[Tensor, "batch seq rows_p"],
    logits_q: Float[Tensor, "batch seq rows_q"],
    vocabulary: int,
    chunk: int | None,
) -> Iterator[tuple[slice, PredictionComparison]]:
    # float32 before the softmax: bfloat16 has eight bits, too few for a sum over a vocabulary.
    flat_p, flat_q = logits_p.detach().flatten(0, 1), logits_q.detach().flatten(0, 1)
    size = chunk or chunk_positions(vocabulary, logits_p.device)
    for start in range(0, len(flat_p), size):
        places = slice(start, min(start + size, len(flat_p)))
        log_p, log_q = (
            flat[places, :vocabulary].float().log_softmax(dim=-1) for flat in (flat_p, flat_q)
        )
        yield places, compare_predictions(log_p, log_q.to(log_p.device))


def token_log_probabilities(
    logits: Float[Tensor, "batch seq rows"],
    ids: Int[Tensor, "batch seq"],
    vocabulary: int,
    chunk: int | None = None,
) -> Float[Tensor, "batch seq"]:
    """The log probability of each token over the first ``vocabulary`` ones, renormalised.

    A token beyond them has no probability: −inf. No gradients.

    Args:
        logits: predictions; those for a text's token are at the position before it, so a text's
            are ``logits[:, :-1]`` for ``ids[:, 1:]``.
        ids: the token whose probability is asked for at each position.
        vocabulary: how many tokens count, such as those that both sides have.
        chunk: positions at a time; none takes what stays in the processor's cache.

    Returns:
        In nats, float32, where the logits lie.
    """
    wanted = ids.to(logits.device)
    found = torch.full(wanted.shape, -torch.inf, device=logits.device)
    batch, seq = wanted.shape
    chunk = chunk or chunk_positions(vocabulary, logits.device)
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
