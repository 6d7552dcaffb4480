"""What goes into a model: padded token ids or embeddings, and the mask of real tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

if TYPE_CHECKING:
    from diffkit.engine.model import Model


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

        Left and right padding so give real tokens the same positions.
        """
        return (self.mask.long().cumsum(dim=1) - 1).clamp(min=0) * self.mask

    @property
    def differentiable(self) -> bool:
        """Whether gradients flow to the embeddings."""
        return self.embeds is not None and self.embeds.requires_grad

    def to(self, device: torch.device | str) -> "Inputs":
        """The same on another device."""
        return Inputs(
            self.mask.to(device),
            None if self.ids is None else self.ids.to(device),
            None if self.embeds is None else self.embeds.to(device),
        )

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
            pad: the id that padding gets; no result at a real token depends on it.
        """
        width = max([1, *(len(row) for row in rows)])
        ids = torch.full((len(rows), width), pad, dtype=torch.long)
        mask = torch.zeros(len(rows), width, dtype=torch.bool)
        for i, row in enumerate(rows):
            place = slice(width - len(row), width) if side == "left" else slice(0, len(row))
            ids[i, place] = torch.tensor(row, dtype=torch.long)
            mask[i, place] = True
        return cls(mask, ids=ids)


def logits_of(
    model: "Model", inputs: Inputs, keep: int | slice | None
) -> Float[Tensor, "batch kept rows"]:
    """Logits, as `Model.logits` describes them."""
    inputs = inputs.to(model.device)
    kept = _kept(inputs, keep)
    with model.active(gradients=inputs.differentiable) as module:
        if model.network.keeps_few:
            read: Tensor = module(**forward_arguments(inputs), logits_to_keep=kept).logits
            return read
        full: Tensor = module(**forward_arguments(inputs)).logits
        return full[:, kept]


def states_of(
    model: "Model", inputs: Inputs, keep: int | slice | None
) -> Float[Tensor, "batch kept hidden"]:
    """What the unembedding reads, as `Model.states` describes it."""
    inputs = inputs.to(model.device)
    with model.active(gradients=inputs.differentiable) as module:
        body: Any = module.base_model  # the transformer without its unembedding
        read: Tensor = body(**forward_arguments(inputs)).last_hidden_state
        return read[:, _kept(inputs, keep)]


def forward_arguments(inputs: Inputs) -> dict[str, Any]:
    """What transformers calls the parts of a batch."""
    given = {"input_ids": inputs.ids} if inputs.embeds is None else {"inputs_embeds": inputs.embeds}
    return {
        **given,
        "attention_mask": inputs.mask.long(),
        "position_ids": inputs.positions,
        "use_cache": False,
    }


def _kept(inputs: Inputs, keep: int | slice | None) -> Int[Tensor, " kept"]:
    places = torch.arange(inputs.mask.shape[1], device=inputs.mask.device)
    if isinstance(keep, int):
        keep = slice(max(len(places) - keep, 0), None)
    return places if keep is None else places[keep]
