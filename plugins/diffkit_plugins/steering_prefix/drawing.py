"""Prefixes drawn at random, or along what a gradient promises."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit_plugins.steering_prefix.space import NoPrefix, TokenSpace

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


def random_prefixes(
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
        raise NoPrefix(what, cure="Set a smaller length, or ban less.")
    return kept.repeat(-(-count // len(kept)), 1)[:count].to(space.allowed.device)


def fresh(
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
