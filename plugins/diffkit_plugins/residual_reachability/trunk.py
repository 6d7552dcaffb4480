"""What the optimisers ask of a model: a map that is differentiable, row by row."""

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor


@runtime_checkable
class Trunk(Protocol):
    """A map from prompts to the residual stream that they lead to; `Model.trunk` gives one.

    Rows must not see each other, and gradients must flow where the prompts require them.
    """

    def __call__(
        self, embeds: Float[Tensor, "rows length hidden"], /
    ) -> Float[Tensor, "rows length hidden"]:
        """The residual stream at every position of each row."""
        ...
