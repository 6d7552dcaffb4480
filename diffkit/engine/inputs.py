"""Inputs of a model: padded token ids or embeddings, and the mask of real tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit.engine.positions.labels import PositionLabels
from diffkit.texts import Text


@dataclass(frozen=True)
class Inputs:
    """A padded batch; exactly one of ``ids`` and ``embeds`` is given."""

    mask: Bool[Tensor, "batch seq"]
    """True at real tokens, false at padding."""
    ids: Int[Tensor, "batch seq"] | None = None
    """Token ids."""
    embeds: Float[Tensor, "batch seq hidden"] | None = None
    """Input embeddings; gradients flow to them where they require it."""

    def __post_init__(self) -> None:
        if (self.ids is None) == (self.embeds is None):
            msg = "Inputs take either ids or embeds"
            raise ValueError(msg)

    @property
    def positions(self) -> Int[Tensor, "batch seq"]:
        """Position of each token among the real ones of its row, from 0; padding gets 0.

        Real tokens therefore have the same positions with left and with right padding.
        """
        return (self.mask.long().cumsum(dim=1) - 1).clamp(min=0) * self.mask

    @property
    def predicting(self) -> Bool[Tensor, "batch seq"]:
        """True at the positions that predict a real token: those before real ones, real themselves.

        A row's first token is predicted by none.
        """
        found = torch.zeros_like(self.mask)
        found[:, :-1] = self.mask[:, :-1] & self.mask[:, 1:]
        return found

    @property
    def differentiable(self) -> bool:
        """Whether gradients flow to the embeddings."""
        return self.embeds is not None and self.embeds.requires_grad

    @property
    def forward_arguments(self) -> dict[str, Any]:
        """The batch under the argument names of transformers' models."""
        given = {"input_ids": self.ids} if self.embeds is None else {"inputs_embeds": self.embeds}
        return {
            **given,
            "attention_mask": self.mask.long(),
            "position_ids": self.positions,
            "use_cache": False,
        }

    def kept(self, keep: int | slice | None) -> Int[Tensor, " kept"]:
        """The columns that `Model.logits` keeps for ``keep``."""
        columns = torch.arange(self.mask.shape[1], device=self.mask.device)
        if isinstance(keep, int):
            keep = slice(max(len(columns) - keep, 0), None)
        return columns if keep is None else columns[keep]

    def to(self, device: torch.device | str) -> "Inputs":
        """The same on another device."""
        return Inputs(
            self.mask.to(device),
            None if self.ids is None else self.ids.to(device),
            None if self.embeds is None else self.embeds.to(device),
        )

    def with_ids(self, ids: Int[Tensor, "batch seq"]) -> "Inputs":
        """The same batch with other ids."""
        return replace(self, ids=ids, embeds=None)

    def with_embeds(self, embeds: Float[Tensor, "batch seq hidden"]) -> "Inputs":
        """The same batch, given as embeddings."""
        return replace(self, ids=None, embeds=embeds)

    @classmethod
    def of(
        cls,
        rows: Sequence[Sequence[int]],
        *,
        side: Literal["left", "right"] = "right",
        pad: int = 0,
    ) -> "Inputs":
        """Pads lists of token ids to the longest (at least one column).

        Args:
            rows: token ids of each row; a row may be empty.
            side: where padding goes.
            pad: the id of padding; no result at a real token depends on it.
        """
        width = max([1, *(len(row) for row in rows)])
        ids = torch.full((len(rows), width), pad, dtype=torch.long)
        mask = torch.zeros(len(rows), width, dtype=torch.bool)
        for i, row in enumerate(rows):
            place = slice(width - len(row), width) if side == "left" else slice(0, len(row))
            ids[i, place] = torch.tensor(row, dtype=torch.long)
            mask[i, place] = True
        return cls(mask, ids=ids)


@dataclass(frozen=True)
class TextBatch:
    """Some of a run's texts as one padded batch."""

    indices: tuple[int, ...]
    """The index of each row's text in the run's texts."""
    inputs: Inputs
    """Their token ids, by the base's tokenizer."""
    texts: tuple[Text, ...] = ()
    """The texts."""
    tokenizer: Any = field(default=None, repr=False)
    """The base's tokenizer."""

    @property
    def labels(self) -> PositionLabels:
        """Which message, or the template, or a document, each token belongs to.

        For example ``batch.labels.mask("answer", "text")`` is true at the tokens of answers and
        documents, and ``batch.labels.predicted`` labels what is predicted at each position.
        """
        return PositionLabels.of(self.tokenizer, self.texts, self.mask)

    @property
    def ids(self) -> Int[Tensor, "batch seq"]:
        """Token ids; padding has an id too, see `mask`."""
        if self.inputs.ids is None:
            msg = "a batch of texts holds token ids"
            raise ValueError(msg)
        return self.inputs.ids

    @property
    def mask(self) -> Bool[Tensor, "batch seq"]:
        """True at real tokens, false at padding."""
        return self.inputs.mask
