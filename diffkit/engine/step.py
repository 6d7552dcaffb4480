"""What gives the next token's logits while a batch is generated."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit.engine.inputs import Inputs


@runtime_checkable
class Step(Protocol):
    """The state between two tokens of the rows that are still being generated."""

    def logits(self) -> Float[Tensor, "live rows"]:
        """Of the next token."""

    def forward(self, chosen: Int[Tensor, " live"]) -> None:
        """Takes in one token a row; `logits` are then of the token after it."""

    def keep(self, places: Int[Tensor, " kept"]) -> None:
        """Forgets all rows but those in ``places``, counted among the live ones."""


class CachedStep:
    """One model: its cache of keys and values, mask and positions.

    Args:
        forward: a causal language model of transformers, or what calls one.
        inputs: padded on the left.
        keeps_few: whether the model takes ``logits_to_keep``.
    """

    def __init__(self, forward: Callable[..., Any], inputs: Inputs, *, keeps_few: bool) -> None:
        self._forward = forward
        self._kept = {"logits_to_keep": 1} if keeps_few else {}
        self._mask = inputs.mask
        self._next = inputs.mask.long().sum(dim=1, keepdim=True)
        self._cache: Any = None
        self._logits = self._run(
            {"input_ids": inputs.ids, "inputs_embeds": inputs.embeds}, inputs.positions
        )

    def logits(self) -> Float[Tensor, "live rows"]:
        """Of the next token."""
        return self._logits

    def forward(self, chosen: Int[Tensor, " live"]) -> None:
        """Takes in one token a row."""
        one = torch.ones_like(self._mask[:, :1])
        self._mask = torch.cat([self._mask, one], dim=1)
        self._logits = self._run({"input_ids": chosen[:, None]}, self._next)
        self._next = self._next + 1

    def keep(self, places: Int[Tensor, " kept"]) -> None:
        """Forgets all rows but some."""
        self._mask, self._next = self._mask[places], self._next[places]
        self._cache.batch_select_indices(places)

    def _run(
        self, given: Mapping[str, Tensor | None], positions: Int[Tensor, "live new"]
    ) -> Float[Tensor, "live rows"]:
        output = self._forward(
            **given,
            attention_mask=self._mask.long(),
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            **self._kept,
        )
        self._cache = output.past_key_values
        last: Tensor = output.logits[:, -1]
        return last
