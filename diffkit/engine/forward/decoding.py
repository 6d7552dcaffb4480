"""The decoding state that is right for a network, and completions held to its positions."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit.engine.adapted_network import AdaptedNetwork
from diffkit.engine.forward.finite import checked_number, quoted
from diffkit.engine.forward.limits import fitted
from diffkit.engine.forward.rotary import rescales
from diffkit.engine.generation import CachedDecoding, DecodingState, GeneratedIds
from diffkit.engine.inputs import Inputs
from diffkit.errors import BadModel


class RecomputedDecoding:
    """Reads whole rows again for each token, where cached states would give other results.

    Args:
        model: the model.
        inputs: token ids or embeddings, padded on the left.
    """

    def __init__(self, model: AdaptedNetwork, inputs: Inputs) -> None:
        self._model = model
        self._inputs = inputs
        self._logits = self._read()

    def logits(self) -> Float[Tensor, "live rows"]:
        """Logits of the next token."""
        return self._logits

    def record(self, chosen: Int[Tensor, " live"]) -> None:
        """Keeps nothing of the choice."""

    def forward(self, chosen: Int[Tensor, " live"]) -> None:
        """Appends one token to each row."""
        mask, new = self._inputs.mask, chosen[:, None]
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
        if self._inputs.ids is not None:
            self._inputs = Inputs(mask, ids=torch.cat([self._inputs.ids, new], dim=1))
        else:
            embeds = [self._inputs.embeds, self._model.embed(new)]
            self._inputs = Inputs(mask, embeds=torch.cat(embeds, dim=1))  # type: ignore[arg-type]
        self._logits = self._read()

    def keep(self, places: Int[Tensor, " kept"]) -> None:
        """Drops all rows except ``places``."""
        ids, embeds = self._inputs.ids, self._inputs.embeds
        self._inputs = Inputs(
            self._inputs.mask[places],
            None if ids is None else ids[places],
            None if embeds is None else embeds[places],
        )

    def _read(self) -> Float[Tensor, "live rows"]:
        with torch.no_grad():
            return self._model.logits(self._inputs, keep=1)[:, -1]


def decoding_state(model: AdaptedNetwork, inputs: Inputs, new_tokens: int) -> DecodingState:
    """The state of a model before its first new token.

    Args:
        model: one side.
        inputs: token ids or embeddings, padded on the left.
        new_tokens: the largest number of tokens that will follow.

    Raises:
        BadModel: a prompt does not leave room for a token in the learned positions.
    """
    inputs = fitted(model, inputs)
    longest = inputs.mask.shape[1]
    limit = model.network.position_limit
    if limit is not None and longest >= limit:
        _refuse_full(model, inputs, limit)
    if rescales(model.network.module.config, longest + new_tokens):
        return RecomputedDecoding(model, inputs)
    return CachedDecoding(
        _forward(model, limit),
        inputs,
        keeps_few=model.network.keeps_few,
        share_equal=not model.edited,
    )


def _forward(model: AdaptedNetwork, limit: int | None) -> Callable[..., Any]:
    """The forward pass of one side, which is active only during it."""

    def forward(**given: Any) -> Any:
        if limit is not None:  # what a row gets beyond it is dropped by `within_positions`
            given["position_ids"] = given["position_ids"].clamp(max=limit - 1)
        with model.active() as module:
            output = module(**given)
        checked_number(model, output.logits[:, -1], "logits of a next token")
        return output

    return forward


def _refuse_full(model: AdaptedNetwork, inputs: Inputs, limit: int) -> None:
    lengths = inputs.mask.sum(dim=1)
    row = int(lengths.argmax())
    if int(lengths[row]) < limit:
        return
    ids = None if inputs.ids is None else inputs.ids[row][inputs.mask[row]].tolist()
    what = "A prompt of embeddings" if ids is None else f"The prompt {quoted(model, ids)}"
    raise BadModel(
        f"{what} has {limit} tokens, all the positions that {model.side} has learned: "
        "no token can follow.",
        hint=f"Give prompts of fewer than {limit} tokens.",
    )


def within_positions(
    models: Sequence[AdaptedNetwork], inputs: Inputs, rows: Sequence[GeneratedIds]
) -> list[GeneratedIds]:
    """Completions cut where prompt and completion fill the learned positions of a model.

    Args:
        models: the models that read them.
        inputs: the prompts.
        rows: what follows each.
    """
    limits = [model.network.position_limit for model in models]
    limit = min((limit for limit in limits if limit is not None), default=None)
    if limit is None:
        return list(rows)
    rooms = [limit - length for length in inputs.mask.sum(dim=1).tolist()]
    return [
        replace(row, ids=row.ids[:room], finished=False) if len(row.ids) > room else row
        for row, room in zip(rows, rooms, strict=True)
    ]
