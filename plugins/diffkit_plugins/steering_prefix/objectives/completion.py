"""Objective of a completion: the divergence from a reference's predictions after a prefix.

Takes suffixes and reference completions. Gives KL or cross-entropy as a weighted mean over the
tokens of each completion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Inputs, Model
from diffkit.maths import divergence
from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.objectives.base import (
    EmbeddingGradient,
    PrefixEmbedder,
    PrefixObjective,
    SurroundingTokens,
)
from diffkit_plugins.steering_prefix.objectives.batching import TokenRow, row_logits
from diffkit_plugins.steering_prefix.prompts.layout import PromptLayout, PromptSlot, RoundTrips
from diffkit_plugins.steering_prefix.prompts.references import ReferenceCompletion, log_rest


def token_weights(
    lengths: Sequence[int], options: CompletionOptions
) -> Float[Tensor, "completions tokens"]:
    """Weights of the tokens of completions, which add up to 1 for each completion.

    The first ``early_tokens`` weigh ``early_weight`` times the others, as in the notebook (EARLY_K,
    EARLY_WEIGHT); with a ``half_life``, the i-th from 0 weighs 2^(-i / half_life) instead. The
    notebook divides by the sum over all completions, so that long ones count more; here each counts
    alike, so that losses of suffixes compare.

    Args:
        lengths: tokens of each completion.
        options: which weights.

    Returns:
        Completions end in the last column; what is left of them weighs 0.
    """
    longest = max(lengths, default=0)
    weights = torch.zeros(len(lengths), longest)
    places = torch.arange(longest, dtype=torch.float32)
    if options.half_life is None:
        each = torch.where(places < options.early_tokens, options.early_weight, 1.0)
    else:
        each = torch.exp2(-places / options.half_life)
    for row, length in zip(weights, lengths, strict=True):
        row[longest - length :] = each[:length] / each[:length].sum()
    return weights


@dataclass(frozen=True)
class CompletionTargets:
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
        references: Sequence[ReferenceCompletion],
        vocabulary: int,
        options: CompletionOptions,
        device: torch.device,
    ) -> "CompletionTargets":
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

    def floors(self, references: Sequence[ReferenceCompletion]) -> Float[Tensor, " items"]:
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


class CompletionObjective(PrefixObjective):
    """KL(reference ‖ model), or −log p, as a weighted mean over the tokens of a completion.

    Args:
        model: reads the prefix.
        layout: writes the prompts.
        places: the suffixes, one for each item.
        references: what is to follow each.
        vocabulary: how many tokens both models have.
        options: loss, weights, and rows at a time.
    """

    def __init__(
        self,
        model: Model,
        layout: PromptLayout,
        places: Sequence[PromptSlot],
        references: Sequence[ReferenceCompletion],
        *,
        vocabulary: int,
        options: CompletionOptions,
    ) -> None:
        self.model = model
        self.places = tuple(places)
        self.references = tuple(references)
        self._batch_size = options.batch_size
        self._targets = CompletionTargets.of(self.references, vocabulary, options, model.device)
        around = [
            SurroundingTokens(place.before, (*place.rest, *reference.targets[:-1]))
            for place, reference in zip(self.places, self.references, strict=True)
        ]
        self._embedder = PrefixEmbedder(model, around, options.batch_size)
        self._floors = self._targets.floors(self.references)
        self._reads_back = RoundTrips(layout.tokenizer, self.places)

    @property
    def items(self) -> int:
        """How many suffixes there are."""
        return len(self.places)

    @property
    def unit(self) -> str:
        """What the losses are measured in."""
        return "nats per token"

    @property
    def floors(self) -> Float[Tensor, " items"]:
        """The reference's own losses: 0 of a KL, what it finds its own completion of −log p."""
        return self._floors

    @property
    def empty(self) -> Float[Tensor, " items"]:
        """The losses without a prefix."""
        nothing = torch.zeros(1, 0, dtype=torch.long)
        return self.losses(nothing, range(self.items))[0]

    def losses(
        self,
        prefixes: Int[Tensor, "tried length"],
        items: Sequence[int],
        *,
        near: Int[Tensor, " near_length"] | None = None,
    ) -> Float[Tensor, "tried items"]:
        """See `Objective.losses`; what prefixes share with ``near`` is read once."""
        rows = self._rows(prefixes.tolist(), items, [] if near is None else near.tolist())
        found = torch.zeros(len(prefixes), len(items))
        for read in row_logits(self.model, rows, self._batch_size):
            places = torch.tensor([row.column for row in read.rows])
            which = torch.tensor(items)[places]
            losses = self._targets.losses(read.logits, which.to(read.logits.device))
            found[torch.tensor([row.tried for row in read.rows]), places] = losses.cpu()
        return found

    def gradient(
        self, embeddings: Float[Tensor, "length hidden"], items: Sequence[int]
    ) -> EmbeddingGradient:
        """See `Objective.gradient`."""
        return self._embedder.gradient(embeddings, items, self._differentiable)

    def reads_back(self, prefixes: Int[Tensor, "tried length"]) -> list[bool]:
        """See `Objective.reads_back`."""
        return self._reads_back(prefixes.tolist())

    def _rows(
        self, prefixes: Sequence[list[int]], items: Sequence[int], near: Sequence[int]
    ) -> list[TokenRow]:
        return [
            TokenRow(
                tried,
                column,
                ids=(*self.places[item].prompt(prefix), *self.references[item].targets[:-1]),
                begins=(*self.places[item].before, *near),
                kept=len(self.references[item].targets),
            )
            for tried, prefix in enumerate(prefixes)
            for column, item in enumerate(items)
        ]

    def _differentiable(self, inputs: Inputs, items: Sequence[int]) -> Float[Tensor, " rows"]:
        kept = max(len(self.references[item].targets) for item in items)
        logits = self.model.logits(inputs, keep=kept)
        return self._targets.losses(logits, torch.tensor(items, device=logits.device))
