"""Prefixes to try next: sampled at random, or by the first-order gain of a token.

Takes a token space, and a prefix with the gradient at its embeddings. Gives neighbours of it.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit_plugins.steering_prefix.search.token_space import NoPrefixError, TokenSpace

_ROUNDS = 40
"""Attempts after which a space counts as empty."""


@dataclass(frozen=True)
class Proposals:
    """Tokens that a step draws from at each position, with their probabilities."""

    tokens: Int[Tensor, "length nearest"]
    """Token ids, on the CPU; none is the current token of the position."""
    probabilities: Float[Tensor, "length nearest"]
    """They sum to one at each position."""

    def draw(
        self,
        ids: Int[Tensor, " length"],
        count: int,
        changes: int,
        generator: torch.Generator,
    ) -> Int[Tensor, "count length"]:
        """Draws prefixes that differ from ``ids`` in a number of positions, which are uniform.

        Args:
            ids: the prefix that they are neighbours of.
            count: how many; some may be equal.
            changes: positions at most.
            generator: the source of random numbers.
        """
        length, drawn = len(ids), ids.cpu().repeat(count, 1)
        order = torch.rand(count, length, generator=generator).argsort(dim=1)
        for positions in order[:, : min(changes, length)].unbind(dim=1):
            ranks = torch.multinomial(self.probabilities[positions], 1, generator=generator)
            tokens = self.tokens[positions].gather(1, ranks)
            drawn.scatter_(1, positions[:, None], tokens)
        return drawn.to(ids.device)


def sample_prefixes(
    space: TokenSpace, length: int, count: int, generator: torch.Generator
) -> Int[Tensor, "count length"]:
    """Samples prefixes of allowed tokens, uniformly among those that the space accepts.

    Where these are too rare to be drawn whole, the missing ones are drawn token by token.

    Args:
        space: the tokens.
        length: of each prefix, in tokens.
        count: how many; some may be equal.
        generator: the source of random numbers.

    Raises:
        NoPrefixError: none that was drawn is allowed.
    """
    tokens = space.allowed.nonzero().squeeze(1).cpu()
    kept = tokens.new_zeros(0, length)
    for _ in range(_ROUNDS):
        positions = torch.randint(len(tokens), (2 * count, length), generator=generator)
        drawn = tokens[positions]
        kept = torch.cat([kept, drawn[space.accepts(drawn.to(space.allowed.device)).cpu()]])[:count]
        if len(kept) == count:
            break
    if len(kept) < count:
        kept = torch.cat([kept, _grow_prefixes(space, length, count - len(kept), generator)])
    if not len(kept):
        raise _no_prefix(space, length, generator)
    return kept.repeat(-(-count // len(kept)), 1)[:count].to(space.allowed.device)


_ENDINGS = 64
"""Tokens that are tried after each beginning of a prefix that is drawn token by token."""


def _grow_prefixes(
    space: TokenSpace, length: int, count: int, generator: torch.Generator
) -> Int[Tensor, "kept length"]:
    """Draws prefixes token by token, each beginning one that the space accepts; may be none."""
    tokens = space.allowed.nonzero().squeeze(1).cpu()
    grown = tokens.new_zeros(count, 0)
    for _ in range(length):
        drawn = torch.randint(len(tokens), (len(grown), _ENDINGS), generator=generator)
        longer = torch.cat(
            [grown[:, None].expand(-1, _ENDINGS, -1), tokens[drawn][..., None]], dim=2
        ).flatten(0, 1)
        accepted = space.accepts(longer.to(space.allowed.device)).cpu().view(-1, _ENDINGS)
        first = accepted.int().argmax(dim=1) + torch.arange(len(grown)) * _ENDINGS
        grown = longer[first[accepted.any(dim=1)]]
    return grown


def _no_prefix(space: TokenSpace, length: int, generator: torch.Generator) -> NoPrefixError:
    what = f"No prefix of {length} allowed tokens was found that reads back as itself."
    shorter = (n for n in range(length - 1, 0, -1) if len(_grow_prefixes(space, n, 8, generator)))
    found = next(shorter, None)
    hint = f"Try: --set length={found}" if found else "Ban less, or set another separator."
    return NoPrefixError(what, hint=hint)


def select_untried(
    space: TokenSpace,
    drawn: Int[Tensor, "drawn length"],
    count: int,
    known: set[tuple[int, ...]],
) -> Int[Tensor, "kept length"]:
    """The first ``count`` of these prefixes that the space accepts, different and not yet known."""
    rows = dict.fromkeys(map(tuple, drawn.tolist()))
    new = drawn.new_tensor([row for row in rows if row not in known]).view(-1, drawn.shape[1])
    kept = new[:0]
    while len(kept) < count and len(new):  # most are accepted: few have to be tokenised
        some, new = new[: count - len(kept)], new[count - len(kept) :]
        kept = torch.cat([kept, some[space.accepts(some)]])
    return kept


@dataclass(frozen=True)
class FirstOrderGains:
    """How much each token at each position would reduce the loss, to first order."""

    values: Float[Tensor, "length vocabulary"]
    """Larger is better; minus infinity at tokens that are not allowed, and at the current ones."""
    space: TokenSpace
    """The tokens."""
    ids: Int[Tensor, " length"]
    """The prefix that is to be changed."""
    gradient: Float[Tensor, "length hidden"]
    """The gradient of the loss at its embeddings."""

    @classmethod
    def of(
        cls,
        space: TokenSpace,
        ids: Int[Tensor, " length"],
        gradient: Float[Tensor, "length hidden"],
        extra: Float[Tensor, "length vocabulary"] | None = None,
    ) -> "FirstOrderGains":
        """Computes the first-order gain g·(e − W_v) of token v in place of the embedding e.

        Args:
            space: the tokens.
            ids: the prefix.
            gradient: of the loss at its embeddings.
            extra: exact gains of other terms of the loss.
        """
        values = _loss_drops(space, ids, gradient)
        values = _mask_disallowed(space, ids, values if extra is None else values + extra)
        return cls(values, space, ids, gradient)

    def top(self, nearest: int) -> Proposals:
        """The tokens of greatest gain at each position, with equal probabilities, as in GCG."""
        tokens = self.values.topk(_token_count(self.values, nearest), dim=1)
        probabilities = tokens.values.isfinite().float()
        return Proposals(
            tokens.indices.cpu(), (probabilities / probabilities.sum(1, keepdim=True)).cpu()
        )

    def flips(self, nearest: int) -> Int[Tensor, "flips length"]:
        """Prefixes that differ in one token, those of greatest gain first.

        Args:
            nearest: tokens of each position at most.
        """
        top = self.values.topk(_token_count(self.values, nearest), dim=1)
        order = top.values.flatten().argsort(descending=True, stable=True)
        positions = torch.div(order, top.values.shape[1], rounding_mode="floor")
        flipped = self.ids.repeat(len(order), 1)
        flipped[torch.arange(len(order)), positions] = top.indices.flatten()[order]
        return flipped

    def aligned(self, nearest: int, temperature: float) -> Proposals:
        """Tokens in the direction of descent, with probabilities that rise with their gains.

        Among the ``nearest`` tokens by the cosine between −g and W_v − e, token v has a probability
        proportional to exp(z / temperature), z being its gain in standard deviations (TAO-Attack's
        direction-priority token optimisation, as compared by Claudini, arXiv 2603.24511).
        """
        cosines = _cosines(self.space, self.ids, self.gradient)
        cosines = _mask_disallowed(self.space, self.ids, cosines)
        top = cosines.topk(_token_count(cosines, nearest), dim=1).indices
        gains = self.values.gather(1, top)
        z = (gains - gains.mean(1, keepdim=True)) / gains.std(1, correction=0, keepdim=True).clamp(
            1e-12
        )
        return Proposals(top.cpu(), torch.softmax(z / temperature, dim=1).cpu())


def _loss_drops(
    space: TokenSpace, ids: Int[Tensor, " length"], gradient: Float[Tensor, "length hidden"]
) -> Float[Tensor, "length vocabulary"]:
    current = (gradient * space.embeddings[ids]).sum(dim=1, keepdim=True)
    return current - gradient @ space.embeddings.T


def _cosines(
    space: TokenSpace, ids: Int[Tensor, " length"], gradient: Float[Tensor, "length hidden"]
) -> Float[Tensor, "length vocabulary"]:
    """Cosines times the norm of the gradient, which all tokens of a position have in common."""
    table, current = space.embeddings, space.embeddings[ids]
    norms = table.square().sum(1) + current.square().sum(1, keepdim=True)
    squares = norms - 2 * current @ table.T
    return _loss_drops(space, ids, gradient) / squares.clamp(min=1e-12).sqrt()


def _mask_disallowed(
    space: TokenSpace, ids: Int[Tensor, " length"], values: Float[Tensor, "length vocabulary"]
) -> Float[Tensor, "length vocabulary"]:
    masked = values.masked_fill(~space.allowed, -torch.inf)
    return masked.scatter(1, ids[:, None], -torch.inf)


def _token_count(values: Float[Tensor, "length vocabulary"], nearest: int) -> int:
    """This many tokens, or all that are allowed at every position."""
    return min(nearest, int(values.isfinite().sum(dim=1).min()))
