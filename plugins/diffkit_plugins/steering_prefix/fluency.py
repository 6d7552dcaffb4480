"""How unlikely the model finds a prefix itself."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Inputs, Model


@dataclass(frozen=True)
class Fluency:
    """Weight times the mean negative log-likelihood of a prefix's tokens, in nats per token.

    The prefix is read by itself: after the tokeniser's first token where it has one; otherwise
    its first token, which nothing predicts, does not count.
    """

    model: Model
    weight: float

    @torch.no_grad()
    def penalties(self, prefixes: Int[Tensor, "tried length"]) -> Float[Tensor, " tried"]:
        """The penalty of each prefix; 0 where none of its tokens counts."""
        predicted = self._log_p(prefixes)
        counted = prefixes[:, prefixes.shape[1] - predicted.shape[1] :]
        if not counted.shape[1]:
            return torch.zeros(len(prefixes), device=prefixes.device)
        return -self.weight * predicted.gather(2, counted[..., None]).squeeze(2).mean(dim=1)

    @torch.no_grad()
    def promises(self, ids: Int[Tensor, " length"]) -> Float[Tensor, "length vocabulary"]:
        """What each token at each position would take off by its own likelihood.

        How it changes the likelihood of those after it is left out.
        """
        predicted = self._log_p(ids[None])[0]
        gained = ids.new_zeros(len(ids), self.model.vocabulary, dtype=predicted.dtype)
        if len(predicted):
            first = len(ids) - len(predicted)
            here = predicted.gather(1, ids[first:, None])
            gained[first:] = (predicted - here) * self.weight / len(predicted)
        return gained

    def _log_p(
        self, prefixes: Int[Tensor, "tried length"]
    ) -> Float[Tensor, "tried counted vocabulary"]:
        start = self.model.tokenizer.bos_token_id
        rows = prefixes
        if start is not None:
            rows = torch.cat([prefixes.new_full((len(prefixes), 1), start), prefixes], dim=1)
        if rows.shape[1] < 2:
            return torch.zeros(len(rows), 0, self.model.vocabulary, device=rows.device)
        inputs = Inputs(torch.ones_like(rows, dtype=torch.bool), ids=rows)
        logits = self.model.logits(inputs, slice(0, rows.shape[1] - 1))
        return logits[..., : self.model.vocabulary].float().log_softmax(dim=-1)
