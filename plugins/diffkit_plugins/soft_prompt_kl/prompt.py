"""Where soft tokens start, and the bound that they are held within."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Model
from diffkit_plugins.soft_prompt_kl.vocabulary import Vocabulary


def start(
    side: Model,
    vocabulary: Vocabulary,
    length: int,
    kind: Literal["vocabulary", "normal"],
    chance: torch.Generator,
) -> Float[Tensor, "length hidden"]:
    """Soft tokens before any training, float32, on the side's device.

    Args:
        side: whose embeddings they are like.
        vocabulary: statistics of these.
        length: how many.
        kind: embeddings of random tokens that are not special, or normal vectors of the
            vocabulary's median norm. Vectors of N(0, 1) as they are would be many times as long
            as any token's (Lester, Al-Rfou and Constant 2021 compare both kinds).
        chance: where they are drawn from.
    """
    if kind == "normal":
        drawn = torch.randn(length, side.hidden, generator=chance)
        scaled: Tensor = drawn / drawn.norm(dim=1, keepdim=True) * vocabulary.median
        return scaled.to(side.device)
    special = set(side.tokenizer.all_special_ids)
    ordinary = [token for token in range(len(vocabulary.norms)) if token not in special]
    places = torch.randint(len(ordinary), (length,), generator=chance)
    ids = torch.tensor(ordinary)[places]
    return side.embed(ids[None])[0].detach().float().clone()


def bounded(prompt: Float[Tensor, "length hidden"], limit: float) -> Float[Tensor, "length hidden"]:
    """Each soft token, shortened to the norm ``limit`` where it is longer."""
    return torch.renorm(prompt, p=2, dim=0, maxnorm=limit)
