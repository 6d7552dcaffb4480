"""What residual streams are asked for: random, mixed and corrupted ones."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

Streams = Float[Tensor, "targets length hidden"]


def matched(
    real: Float[Tensor, "sequences length hidden"], count: int, generator: Generator
) -> Streams:
    """Draws from N(μᵢ, Σᵢ) at each position i, independently between positions.

    A standard normal combination of the centred sequences, divided by √(n − 1), has exactly the
    sample covariance; no matrix is factored, and fewer sequences than dimensions are no trouble.

    Args:
        real: the residual streams that mean and covariance are those of.
        count: how many are drawn.
        generator: source of chance, on the CPU.
    """
    mean = real.mean(dim=0)
    centred = (real - mean) / (len(real) - 1) ** 0.5
    weights = torch.randn(count, real.shape[1], len(real), generator=generator).to(real)
    return mean + torch.einsum("tls,slh->tlh", weights, centred)


def raw(norms: Float[Tensor, " length"], count: int, hidden: int, generator: Generator) -> Streams:
    """Uniformly random directions, each position with the norm given for it."""
    drawn = torch.randn(count, len(norms), hidden, generator=generator).to(norms)
    lengths: Tensor = drawn.norm(dim=-1, keepdim=True)
    return drawn * (norms[:, None] / lengths)


def pairs(targets: int, count: int, generator: Generator) -> list[tuple[int, int]]:
    """Pairs of different targets: disjoint ones while there are enough."""
    order: list[int] = []
    while len(order) < 2 * count:
        order += torch.randperm(targets, generator=generator).tolist()[: targets // 2 * 2]
    return [(order[2 * pair], order[2 * pair + 1]) for pair in range(count)]


def mixed(a: Streams, b: Streams, alpha: float) -> Streams:
    """αA + (1 − α)B: B at 0, A at 1, beyond them outside of [0, 1]."""
    return alpha * a + (1 - alpha) * b


@dataclass(frozen=True)
class Corruption:
    """Noise for each target, and the order in which its dimensions give way to it.

    One draw serves every fraction, so that a target's curve over fractions is not blurred by
    chance; each fraction alone is distributed as if it had been drawn afresh.
    """

    ranks: Int[Tensor, "targets hidden"]
    """How many dimensions give way before this one; the same at all positions."""
    noise: Streams
    """N(0, σ) with σ the standard deviation of the dimension in real streams."""

    @classmethod
    def draw(
        cls, real: Float[Tensor, "sequences length hidden"], count: int, generator: Generator
    ) -> "Corruption":
        """Draws it for ``count`` targets; σ is over all sequences and positions."""
        _, length, hidden = real.shape
        orders = torch.stack([torch.randperm(hidden, generator=generator) for _ in range(count)])
        noise = torch.randn(count, length, hidden, generator=generator).to(real)
        return cls(orders.to(real.device), noise * real.flatten(0, 1).std(dim=0))

    def apply(self, targets: Streams, fraction: float) -> Streams:
        """The targets with a share ``fraction`` of their dimensions replaced (rounded)."""
        count = round(fraction * targets.shape[-1])
        replaced = self.ranks < count
        return torch.where(replaced[:, None], self.noise, targets)
