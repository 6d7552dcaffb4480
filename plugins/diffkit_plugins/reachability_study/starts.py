"""Where searches start."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from diffkit_plugins.reachability_study.config import Starts
from diffkit_plugins.reachability_study.vocabulary import Vocabulary


def starts(
    vocabulary: Vocabulary, kind: Starts, restarts: int, length: int, seed: int
) -> Float[Tensor, "restarts length hidden"]:
    """The first prompt of each restart, the same for every target, as the study's design has it.

    Args:
        vocabulary: what is drawn from where ``kind`` is ``vocabulary``.
        kind: N(0, 1) in each coordinate, or embeddings of uniformly random tokens.
        restarts: how many.
        length: positions.
        seed: of the run.
    """
    table, drawn = vocabulary.embeddings, []
    for restart in range(restarts):
        generator = Generator().manual_seed(seed + 1_000 * restart)
        if kind == "normal":
            drawn.append(torch.randn(length, table.shape[1], generator=generator).to(table))
        else:
            drawn.append(table[torch.randint(len(table), (length,), generator=generator)])
    return torch.stack(drawn)
