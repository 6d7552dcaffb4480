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
    """Weights of the tokens of completions, which sum to 1 for each completion.

    The first ``early_tokens`` weigh ``early_weight`` times the others, as in the notebook (EARLY_K,
    EARLY_WEIGHT); with a ``half_life``, the i-th from 0 weighs 2^(-i / half_life) instead. The
    notebook divides by the sum over all completions, so that long ones count more; here all
    completions count the same, so that the losses of suffixes are comparable.

    Args:
        lengths: tokens of each completion.
        options: of the weights.

    Returns:
        Completions end in the last column; columns before them have weight 0.
    """
    longest = max(lengths, default=0)
    weights = torch.zeros(len(lengths), longest)
    positions = torch.arange(longest, dtype=torch.float32)
    if options.half_life is None:
        each = torch.where(positions < options.early_tokens, options.early_weight, 1.0)
    else:
        each = torch.exp2(-positions / options.half_life)
    for row, length in zip(weights, lengths, strict=True):
        row[longest - length :] = each[:length] / each[:length].sum()
    return weights


_HELD = 2**24
"""Numbers in float32 that are made of logits at a time: 64 MB."""


@dataclass(frozen=True)
class CompletionTargets:
    """Targets of many completions, which end in the last column; columns before have weight 0."""

    loss: Literal["kl", "cross-entropy"]
    vocabulary: int
    """Number of tokens that predictions cover."""
    weights: Float[Tensor, "items tokens"]
    ids: Int[Tensor, "items tokens"]
    top: Int[Tensor, "items tokens top"]
    log_p: Float[Tensor, "items tokens top_and_rest"]
    """The reference's log probabilities of the ``top`` tokens, and of all others together."""

    @classmethod
    def of(
        cls,
        references: Sequence[ReferenceCompletion],
        vocabulary: int,
        options: CompletionOptions,
        device: torch.device,
    ) -> "CompletionTargets":
        """Stacks references on a device."""
        weights = token_weights([len(one.targets) for one in references], options)
        count, width = weights.shape
        top = max((one.top.shape[1] for one in references), default=1)
        ids = torch.zeros(count, width, dtype=torch.long)
        best = torch.zeros(count, width, top, dtype=torch.long)
        log_p = torch.zeros(count, width, top + 1)
        for row, one in enumerate(references):
            columns = slice(width - len(one.targets), width)
            ids[row, columns] = torch.tensor(one.targets)
            best[row, columns] = one.top.cpu()
            log_p[row, columns] = torch.cat([one.log_top, one.log_rest[:, None]], dim=1).cpu()
        tensors = (part.to(device) for part in (weights, ids, best, log_p))
        return cls(options.loss, vocabulary, *tensors)

    def floors(self, references: Sequence[ReferenceCompletion]) -> Float[Tensor, " items"]:
        """The losses of the references themselves: 0 for KL, their −log p for cross-entropy."""
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
            logits: at the last columns.
            items: number of the completion of each row.
        """
        rows = max(1, _HELD // (logits.shape[1] * self.vocabulary))
        parts = zip(torch.split(logits, rows), torch.split(items, rows), strict=True)
        return torch.cat([self._losses(*part) for part in parts])

    def _losses(
        self, logits: Float[Tensor, "rows tokens width"], items: Int[Tensor, " rows"]
    ) -> Float[Tensor, " rows"]:
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
        layout: builds the prompts.
        slots: the suffixes, one for each item.
        references: the completion of each.
        vocabulary: number of tokens that both models have.
        options: loss, weights and batch size.
    """

    def __init__(
        self,
        model: Model,
        layout: PromptLayout,
        slots: Sequence[PromptSlot],
        references: Sequence[ReferenceCompletion],
        *,
        vocabulary: int,
        options: CompletionOptions,
    ) -> None:
        self.model = model
        self.slots = tuple(slots)
        self.references = tuple(references)
        self._batch_size = options.batch_size
        self._targets = CompletionTargets.of(self.references, vocabulary, options, model.device)
        surroundings = [
            SurroundingTokens(slot.before, (*slot.rest, *reference.targets[:-1]))
            for slot, reference in zip(self.slots, self.references, strict=True)
        ]
        self._embedder = PrefixEmbedder(model, surroundings, options.batch_size)
        self._floors = self._targets.floors(self.references)
        self._round_trips = RoundTrips(layout.tokenizer, self.slots)

    @property
    def items(self) -> int:
        """The number of suffixes."""
        return len(self.slots)

    @property
    def unit(self) -> str:
        """The unit of the losses."""
        return "nats per token"

    @property
    def floors(self) -> Float[Tensor, " items"]:
        """The losses of the reference itself: 0 for KL, its −log p for cross-entropy."""
        return self._floors

    @property
    def empty(self) -> Float[Tensor, " items"]:
        """The losses without a prefix."""
        no_prefix = torch.zeros(1, 0, dtype=torch.long)
        return self.losses(no_prefix, range(self.items))[0]

    def losses(
        self,
        prefixes: Int[Tensor, "prefixes length"],
        items: Sequence[int],
        *,
        parent: Int[Tensor, " parent_length"] | None = None,
    ) -> Float[Tensor, "prefixes items"]:
        """See `PrefixObjective.losses`; a common beginning with ``parent`` is read once."""
        rows = self._rows(prefixes.tolist(), items, [] if parent is None else parent.tolist())
        losses = torch.zeros(len(prefixes), len(items))
        for read in row_logits(self.model, rows, self._batch_size):
            columns = torch.tensor([row.column for row in read.rows])
            numbers = torch.tensor(items)[columns].to(read.logits.device)
            prefix = torch.tensor([row.prefix for row in read.rows])
            losses[prefix, columns] = self._targets.losses(read.logits, numbers).cpu()
        return losses

    def gradient(
        self, embeddings: Float[Tensor, "length hidden"], items: Sequence[int]
    ) -> EmbeddingGradient:
        """See `PrefixObjective.gradient`."""
        return self._embedder.gradient(embeddings, items, self._row_losses)

    def round_trips(self, prefixes: Int[Tensor, "prefixes length"]) -> list[bool]:
        """See `PrefixObjective.round_trips`."""
        return self._round_trips.check(prefixes.tolist())

    def words(self, prefix: Sequence[int]) -> str:
        """See `PrefixObjective.words`."""
        return self._round_trips.words(prefix)

    def _rows(
        self, prefixes: Sequence[list[int]], items: Sequence[int], parent: Sequence[int]
    ) -> list[TokenRow]:
        return [
            TokenRow(
                number,
                column,
                ids=(*self.slots[item].prompt(prefix), *self.references[item].targets[:-1]),
                beginning=(*self.slots[item].before, *parent),
                kept=len(self.references[item].targets),
            )
            for number, prefix in enumerate(prefixes)
            for column, item in enumerate(items)
        ]

    def _row_losses(self, inputs: Inputs, items: Sequence[int]) -> Float[Tensor, " rows"]:
        kept = max(len(self.references[item].targets) for item in items)
        logits = self.model.logits(inputs, keep=kept)
        return self._targets.losses(logits, torch.tensor(items, device=logits.device))
