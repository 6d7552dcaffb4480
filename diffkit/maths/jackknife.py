"""Standard errors of anything that is computed from a mean over independent groups."""

from jaxtyping import Float
from torch import Tensor


def jackknife(
    whole: Float[Tensor, "..."],
    without: Float[Tensor, "groups ..."],
    sizes: Float[Tensor, " groups"],
) -> Float[Tensor, "..."]:
    """Standard error of an estimate by the delete-a-group jackknife, for groups of any sizes.

    For groups of one size m it is the usual √((g − 1)/g · Σ (estimate without one − their mean)²).
    Busing, Meijer and van der Leeden, *Delete-m Jackknife for Unequal m* (1999), equation 7.

    Args:
        whole: the estimate from all samples.
        without: the estimate from all samples but one group's, for each group; two or more.
        sizes: samples in each group, above 0.
    """
    sizes = sizes.double()
    shares = (sizes.sum() / sizes).reshape(-1, *[1] * whole.ndim)
    pseudo = shares * whole - (shares - 1) * without
    centre = len(sizes) * whole - ((1 - 1 / shares) * without).sum(dim=0)
    return ((pseudo - centre).square() / (shares - 1)).mean(dim=0).sqrt()
