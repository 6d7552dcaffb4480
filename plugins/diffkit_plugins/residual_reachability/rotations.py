"""Random rotations of a vector in a whitened space."""

import torch
from jaxtyping import Float
from sklearn.covariance import ledoit_wolf_shrinkage
from torch import Tensor

from diffkit import UserError


def rotated(
    deltas: Float[Tensor, "texts hidden"],
    stream: Float[Tensor, "tokens hidden"],
    count: int,
    seed: int,
) -> Float[Tensor, "texts count hidden"]:
    """Vectors as likely as any rotation of ``deltas`` in the whitened residual space, as long.

    With W = Σ^(−1/2) a rotated difference is W⁻¹QWΔ, rescaled to ‖Δ‖. Where Q is uniform (Haar),
    QWΔ is a uniformly random direction whatever Δ is, so that a normal vector z stands for it, and
    Σ^(1/2) z is a draw of covariance Σ. Neither Q nor a root of Σ is ever made: Σ is the stream's
    covariance, shrunk towards a multiple of the identity as far as Ledoit and Wolf (2004) have it,
    and centred data times normal numbers have that covariance.

    Args:
        deltas: differences, none of them 0.
        stream: the base's residual stream, which Σ is taken from.
        count: rotations of each difference.
        seed: seed of the draws.

    Raises:
        UserError: the stream is the same at all tokens, so that it has no covariance.
    """
    if (stream == stream[0]).all():
        what = "The base's residual stream is the same at all tokens of the reference texts."
        raise UserError(what, cure="Give more texts, or set reference_texts or length higher.")
    chance = torch.Generator().manual_seed(seed)
    centred = (stream - stream.mean(dim=0)).double().cpu()
    tokens, hidden = centred.shape
    shrinkage = float(ledoit_wolf_shrinkage(centred.numpy(), assume_centered=True))
    shape = (*deltas.shape[:1], count)
    along = torch.randn(*shape, tokens, generator=chance, dtype=torch.float64)
    evenly = torch.randn(*shape, hidden, generator=chance, dtype=torch.float64)
    variance = centred.square().mean()
    drawn = ((1 - shrinkage) / tokens) ** 0.5 * (along @ centred)
    drawn += (shrinkage * variance) ** 0.5 * evenly
    lengths = deltas.double().cpu().norm(dim=1)[:, None, None]
    turned: Tensor = drawn * (lengths / drawn.norm(dim=2, keepdim=True))
    return turned.to(deltas)
