"""Prefixes to try next: drawn at random, or by the first-order gain of a token.

Takes a token space, and a prefix with the gradient at its embeddings. Gives neighbours of it.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit_plugins.steering_prefix.search.token_space import NoPrefixError, TokenSpace

_ROUNDS = 40
"""Draws after which a space counts as empty."""


@dataclass(frozen=True)
class Proposals:
    """Tokens that a step draws from at each position."""

    tokens: Int[Tensor, "length nearest"]
    """Token ids, on the CPU; none is the token that stands there."""
    chances: Float[Tensor, "length nearest"]
    """How likely each is to be drawn, adding up to one at each position."""

    def draw(
        self,
        ids: Int[Tensor, " length"],
        count: int,
        changes: int,
        chance: torch.Generator,
    ) -> Int[Tensor, "count length"]:
        """Prefixes that differ from ``ids`` in so many positions, which are drawn uniformly.

        Args:
            ids: the prefix that they are neighbours of.
            count: how many; some may be alike.
            changes: positions at most.
            chance: what draws.
        """
        length, drawn = len(ids), ids.cpu().repeat(count, 1)
        order = torch.rand(count, length, generator=chance).argsort(dim=1)
        for places in order[:, : min(changes, length)].unbind(dim=1):
            ranks = torch.multinomial(self.chances[places], 1, generator=chance)
            tokens = self.tokens[places].gather(1, ranks)
            drawn.scatter_(1, places[:, None], tokens)
        return drawn.to(ids.device)


def sample_prefixes(
    space: TokenSpace, length: int, count: int, chance: torch.Generator
) -> Int[Tensor, "count length"]:
    """Prefixes of allowed tokens, drawn uniformly among those that read back.

    Args:
        space: the tokens.
        length: of each prefix, in tokens.
        count: how many; some may be alike.
        chance: what draws.

    Raises:
        NoPrefix: none that was drawn is allowed.
    """
    tokens = space.allowed.nonzero().squeeze(1).cpu()
    kept = tokens.new_zeros(0, length)
    for _ in range(_ROUNDS):
        places = torch.randint(len(tokens), (2 * count, length), generator=chance)
        drawn = tokens[places]
        kept = torch.cat([kept, drawn[space.keeps(drawn.to(space.allowed.device)).cpu()]])[:count]
        if len(kept) == count:
            break
    if not len(kept):
        what = f"No prefix of {length} allowed tokens was found that reads back as itself."
        raise NoPrefixError(what, hint="Set a smaller length, or ban less.")
    return kept.repeat(-(-count // len(kept)), 1)[:count].to(space.allowed.device)


def select_untried(
    space: TokenSpace,
    drawn: Int[Tensor, "drawn length"],
    count: int,
    known: set[tuple[int, ...]],
) -> Int[Tensor, "kept length"]:
    """The first ``count`` of these prefixes that are allowed, all different and not yet known."""
    rows = dict.fromkeys(map(tuple, drawn.tolist()))
    new = drawn.new_tensor([row for row in rows if row not in known]).view(-1, drawn.shape[1])
    kept = new[:0]
    while len(kept) < count and len(new):  # most are allowed: few need be tokenised to find enough
        some, new = new[: count - len(kept)], new[count - len(kept) :]
        kept = torch.cat([kept, some[space.keeps(some)]])
    return kept


@dataclass(frozen=True)
class FirstOrderGains:
    """How much each token at each position promises to take off the loss."""

    values: Float[Tensor, "length vocabulary"]
    """The larger the better; minus infinity at tokens that are not allowed or stand there."""
    space: TokenSpace
    """The tokens."""
    ids: Int[Tensor, " length"]
    """The prefix that changes."""
    gradient: Float[Tensor, "length hidden"]
    """Of the loss at its embeddings."""

    @classmethod
    def of(
        cls,
        space: TokenSpace,
        ids: Int[Tensor, " length"],
        gradient: Float[Tensor, "length hidden"],
        extra: Float[Tensor, "length vocabulary"] | None = None,
    ) -> "FirstOrderGains":
        """The first-order drop g·(e − W_v) of putting token v where e stands.

        Args:
            space: the tokens.
            ids: the prefix.
            gradient: of the loss at its embeddings.
            extra: what other terms of the loss promise, exactly.
        """
        values = _loss_drops(space, ids, gradient)
        values = _mask_disallowed(space, ids, values if extra is None else values + extra)
        return cls(values, space, ids, gradient)

    def best(self, nearest: int) -> Proposals:
        """The most promising tokens of each position, equally likely, as in GCG."""
        tokens = self.values.topk(_token_count(self.values, nearest), dim=1)
        chances = tokens.values.isfinite().float()
        return Proposals(tokens.indices.cpu(), (chances / chances.sum(1, keepdim=True)).cpu())

    def flips(self, nearest: int) -> Int[Tensor, "flips length"]:
        """Prefixes that differ in one token, the most promising first.

        Args:
            nearest: tokens at each position that are among them at most.
        """
        top = self.values.topk(_token_count(self.values, nearest), dim=1)
        order = top.values.flatten().argsort(descending=True, stable=True)
        places = torch.div(order, top.values.shape[1], rounding_mode="floor")
        flipped = self.ids.repeat(len(order), 1)
        flipped[torch.arange(len(order)), places] = top.indices.flatten()[order]
        return flipped

    def aligned(self, nearest: int, temperature: float) -> Proposals:
        """Tokens in the direction that the gradient points down, the promising ones likelier.

        Among the ``nearest`` tokens by the cosine between −g and W_v − e, token v is drawn
        with a chance proportional to exp(z / temperature), z being its promise in standard
        deviations (TAO-Attack's direction-priority token optimisation, as compared by Claudini,
        arXiv 2603.24511).
        """
        cosines = _cosines(self.space, self.ids, self.gradient)
        cosines = _mask_disallowed(self.space, self.ids, cosines)
        top = cosines.topk(_token_count(cosines, nearest), dim=1).indices
        promises = self.values.gather(1, top)
        z = (promises - promises.mean(1, keepdim=True)) / promises.std(
            1, correction=0, keepdim=True
        ).clamp(1e-12)
        return Proposals(top.cpu(), torch.softmax(z / temperature, dim=1).cpu())


def _loss_drops(
    space: TokenSpace, ids: Int[Tensor, " length"], gradient: Float[Tensor, "length hidden"]
) -> Float[Tensor, "length vocabulary"]:
    here = (gradient * space.embeddings[ids]).sum(dim=1, keepdim=True)
    return here - gradient @ space.embeddings.T


def _cosines(
    space: TokenSpace, ids: Int[Tensor, " length"], gradient: Float[Tensor, "length hidden"]
) -> Float[Tensor, "length vocabulary"]:
    """Up to the gradient's norm, which is the same for all tokens of a position."""
    table, here = space.embeddings, space.embeddings[ids]
    squares = table.square().sum(1) + here.square().sum(1, keepdim=True) - 2 * here @ table.T
    return _loss_drops(space, ids, gradient) / squares.clamp(min=1e-12).sqrt()


def _mask_disallowed(
    space: TokenSpace, ids: Int[Tensor, " length"], values: Float[Tensor, "length vocabulary"]
) -> Float[Tensor, "length vocabulary"]:
    barred = values.masked_fill(~space.allowed, -torch.inf)
    return barred.scatter(1, ids[:, None], -torch.inf)


def _token_count(values: Float[Tensor, "length vocabulary"], nearest: int) -> int:
    """So many tokens, or all that may be put at every position."""
    return min(nearest, int(values.isfinite().sum(dim=1).min()))
