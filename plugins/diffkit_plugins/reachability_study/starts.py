"""Where searches start."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from diffkit import Model
from diffkit_plugins.reachability_study.config import Starts

_ROWS_AT_A_TIME = 4_096


def starts(
    model: Model, kind: Starts, restarts: int, length: int, seed: int
) -> Float[Tensor, "restarts length hidden"]:
    """The first prompt of each restart, the same for every target, as the study's design has it.

    Args:
        model: whose embeddings are drawn where ``kind`` is ``vocabulary``.
        kind: N(0, 1) in each coordinate, or embeddings of uniformly random tokens.
        restarts: how many.
        length: positions.
        seed: of the run.
    """
    drawn = []
    for restart in range(restarts):
        generator = Generator().manual_seed(seed + 1_000 * restart)
        if kind == "normal":
            drawn.append(torch.randn(length, model.hidden, generator=generator))
        else:
            ids = torch.randint(model.vocabulary, (1, length), generator=generator)
            drawn.append(model.embed(ids)[0].cpu())
    return torch.stack(drawn).to(model.device, model.dtype)


def typical_norm(model: Model) -> float:
    """Median norm of the token embeddings."""
    ids = torch.arange(model.vocabulary).split(_ROWS_AT_A_TIME)
    norms = [model.embed(part[None])[0].float().norm(dim=-1) for part in ids]
    return float(torch.cat(norms).quantile(0.5))
