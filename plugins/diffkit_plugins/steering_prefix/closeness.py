"""A penalty on tokens that are close to words, in place of a ban."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Model
from diffkit_plugins.steering_prefix.bans import Bans


@dataclass(frozen=True)
class Closeness:
    """Weight times the mean over a prefix of each token's cosine to the closest disliked token.

    A cosine below 0 counts as 0, so the penalty lies between 0 and the weight whatever the length
    and the width.
    """

    weight: float
    """Nats."""
    directions: Float[Tensor, "disliked hidden"]
    """Unit vectors: one for each disliked token, and for a word without a token the mean of its
    pieces."""

    @classmethod
    def of(
        cls,
        model: Model,
        embeddings: Float[Tensor, "vocabulary hidden"],
        texts: Sequence[str],
        words: Sequence[str],
        weight: float,
    ) -> "Closeness":
        """Dislikes the tokens that say a word, or the pieces of one that no token says.

        Args:
            model: whose tokens they are.
            embeddings: what it reads at each.
            texts: what each token says.
            words: the disliked words.
            weight: nats.
        """
        rows = []
        for word in words:
            bans = Bans.of([word])
            own = [token for token, text in enumerate(texts) if bans.spoken(text)]
            pieces = model.tokenizer(f" {word}", add_special_tokens=False, verbose=False).input_ids
            rows.append(embeddings[own] if own else embeddings[pieces].mean(dim=0, keepdim=True))
        return cls(weight, torch.nn.functional.normalize(torch.cat(rows), dim=1))

    def and_also(self, other: "Closeness") -> "Closeness":
        """Both disliked, at the same weight."""
        return Closeness(self.weight, torch.cat([self.directions, other.directions]))

    def of_tokens(self, embeddings: Float[Tensor, "*shape hidden"]) -> Float[Tensor, "*shape"]:
        """The penalty that each token would bring to a prefix of its own; differentiable."""
        units = torch.nn.functional.normalize(embeddings, dim=-1)
        return self.weight * (units @ self.directions.T).amax(dim=-1).clamp(min=0)
