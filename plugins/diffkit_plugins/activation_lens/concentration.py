"""How few directions the difference between both sides takes."""

from statistics import geometric_mean

from jaxtyping import Float
from torch import Tensor

from diffkit_plugins.activation_lens.scan import Scan


def concentration(second: Float[Tensor, "hidden hidden"]) -> float:
    """Of a second moment C, tr C² / (tr C)²: from 1/hidden to 1, where all is in one direction.

    It is the inverse of the participation ratio, the number of directions that are as good as
    taken (Gao and others 2017); and the mean squared cosine between the differences at two tokens,
    each counting by its squared length. It does not change with the size of the differences.

    Args:
        second: symmetric; any multiple of the mean of ΔΔᵀ.

    Returns:
        0 where nothing moved.
    """
    trace = float(second.trace())
    return float(second.square().sum()) / trace**2 if trace else 0.0


def concentrations(found: Scan) -> dict[int, float]:
    """Of each block that was read, by its number, from the first."""
    blocks = sorted(zip(found.plan.blocks, found.second, strict=True), key=lambda pair: pair[0])
    return {number: concentration(second) for number, second in blocks}


def change_score(found: Scan) -> float:
    """Geometric mean over the scored blocks that moved; where none did, over all that did, or 0."""
    moved = {number: value for number, value in concentrations(found).items() if value}
    scored = [value for number, value in moved.items() if number in found.plan.scored]
    return geometric_mean(scored or moved.values()) if moved else 0.0
