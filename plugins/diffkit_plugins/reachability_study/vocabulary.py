"""The token embeddings."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Model


@dataclass(frozen=True)
class Vocabulary:
    """The embeddings that real prompts are made of."""

    embeddings: Float[Tensor, "vocabulary hidden"]
    """In float32, and so are the prompts made of them: Adam's small steps are lost in 16 bits."""

    @cached_property
    def norm(self) -> float:
        """Of a typical embedding: the median."""
        return float(self.embeddings.norm(dim=-1).quantile(0.5))

    @classmethod
    def of(cls, model: Model) -> "Vocabulary":
        """Reads the embeddings of all real tokens."""
        return cls(model.embed(torch.arange(model.vocabulary)[None])[0].float())
