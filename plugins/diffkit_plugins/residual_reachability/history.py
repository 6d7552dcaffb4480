"""The memory of Anderson acceleration: earlier iterates of each row and what they missed by."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

_RIDGE = 1e-10
"""Ridge of the least squares over differences of norm 1, in float64: it only keeps them solvable
where steps repeat each other or have been forgotten."""


class History:
    """The last iterates of each row.

    Args:
        memory: how many are kept.
        prompts: prompts of the shape and device of those to come.
    """

    def __init__(self, memory: int, prompts: Float[Tensor, "rows length hidden"]) -> None:
        shape = (len(prompts), memory, prompts[0].numel())
        self._prompts = prompts.new_zeros(shape)
        self._misses = prompts.new_zeros(shape)
        self._known = torch.zeros(shape[:2], dtype=torch.bool, device=prompts.device)
        self._next = 0

    def step(
        self,
        prompts: Float[Tensor, "rows length hidden"],
        misses: Float[Tensor, "rows length hidden"],
        damping: Float[Tensor, " rows"],
    ) -> Float[Tensor, "rows length hidden"]:
        """The damped step from the mean of iterates whose linear model misses by least.

        Args:
            prompts: the current iterate.
            misses: target less stream there.
            damping: share of the miss by which each row moves.
        """
        here, miss, share = prompts.flatten(1), misses.flatten(1), damping[:, None]
        apart = torch.where(self._known[..., None], self._misses - miss[:, None], 0.0)
        weights = _weights(apart, miss)[..., None]
        shift = ((self._prompts - here[:, None]) * weights).sum(dim=1)
        moved = here + shift + share * (miss + (apart * weights).sum(dim=1))
        self._remember(here, miss)
        return moved.reshape(prompts.shape)

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        """Goes on with some of the rows."""
        self._prompts, self._misses = self._prompts[rows], self._misses[rows]
        self._known = self._known[rows]

    def forget(self, rows: Bool[Tensor, " rows"]) -> None:
        """Empties the memory of some rows."""
        self._known[rows] = False

    def _remember(self, prompts: Float[Tensor, "rows n"], misses: Float[Tensor, "rows n"]) -> None:
        if self._known.shape[1]:
            self._prompts[:, self._next], self._misses[:, self._next] = prompts, misses
            self._known[:, self._next] = True
            self._next = (self._next + 1) % self._known.shape[1]


def _weights(
    apart: Float[Tensor, "rows memory n"], miss: Float[Tensor, "rows n"]
) -> Float[Tensor, "rows memory"]:
    """The combination of differences that is nearest to minus the miss, by least squares."""
    norms = apart.norm(dim=2)
    inverse = torch.where(norms > 0, 1 / norms, 0.0).double()
    unit = apart.double() * inverse[..., None]
    gram = unit @ unit.mT + _RIDGE * torch.eye(unit.shape[1], dtype=unit.dtype, device=unit.device)
    found: Tensor = torch.linalg.solve(gram, -(unit @ miss.double()[..., None]))[..., 0]
    return (found * inverse).to(miss.dtype)
