"""The reference's predictions of many completions, and how far logits are from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit.maths import divergence
from diffkit_plugins.steering_prefix.references import Reference, log_rest
from diffkit_plugins.steering_prefix.search_options import CompletionOptions
from diffkit_plugins.steering_prefix.weights import token_weights


@dataclass(frozen=True)
class Targets:
    """Completions that end in the last column; what is before a shorter one weighs 0."""

    loss: Literal["kl", "cross-entropy"]
    vocabulary: int
    """How many tokens predictions are over."""
    weights: Float[Tensor, "items tokens"]
    ids: Int[Tensor, "items tokens"]
    top: Int[Tensor, "items tokens top"]
    log_p: Float[Tensor, "items tokens top_and_rest"]
    """The reference's log probabilities of the ``top`` tokens, and of the rest as one."""

    @classmethod
    def of(
        cls,
        references: Sequence[Reference],
        vocabulary: int,
        options: CompletionOptions,
        device: torch.device,
    ) -> "Targets":
        """Sets references side by side, on the device of the model that reads the prefix."""
        weights = token_weights([len(one.targets) for one in references], options)
        count, width = weights.shape
        top = max((one.top.shape[1] for one in references), default=1)
        ids = torch.zeros(count, width, dtype=torch.long)
        best = torch.zeros(count, width, top, dtype=torch.long)
        log_p = torch.zeros(count, width, top + 1)
        for row, one in enumerate(references):
            place = slice(width - len(one.targets), width)
            ids[row, place] = torch.tensor(one.targets)
            best[row, place] = one.top.cpu()
            log_p[row, place] = torch.cat([one.log_top, one.log_rest[:, None]], dim=1).cpu()
        tensors = (part.to(device) for part in (weights, ids, best, log_p))
        return cls(options.loss, vocabulary, *tensors)

    def floors(self, references: Sequence[Reference]) -> Float[Tensor, " items"]:
        """The references' own losses: 0 of a KL, and what they find their completions of −log p."""
        floors = torch.zeros(len(references))
        if self.loss == "cross-entropy":
            for row, one in enumerate(references):
                weights = self.weights[row, self.weights.shape[1] - len(one.targets) :].cpu()
                floors[row] = -(weights * one.log_targets.cpu()).sum()
        return floors

    def losses(
        self, logits: Float[Tensor, "rows tokens width"], items: Int[Tensor, " rows"]
    ) -> Float[Tensor, " rows"]:
        """Weighted mean loss of each row, in nats per token.

        Args:
            logits: at the last columns, of the tokens of one of the completions.
            items: which completion each row has.
        """
        logits = logits[:, :, : self.vocabulary].float()
        normaliser = logits.logsumexp(dim=-1, keepdim=True)
        columns = slice(self.ids.shape[1] - logits.shape[1], None)
        wanted = (self.ids[:, :, None] if self.loss == "cross-entropy" else self.top)[:, columns]
        log_q = logits.gather(2, wanted[items]) - normaliser
        if self.loss == "cross-entropy":
            each = -log_q[:, :, 0]
        else:
            log_q = torch.cat([log_q, log_rest(log_q)[..., None]], dim=-1)
            log_p = self.log_p[:, columns][items]
            each = divergence("kl")(log_p.flatten(0, 1), log_q.flatten(0, 1)).view(log_q.shape[:2])
        return (each * self.weights[:, columns][items]).sum(dim=1)
