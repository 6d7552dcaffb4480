"""The key-value cache of a prefix that many continuations share."""

from copy import copy
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit.engine.adapted_network import AdaptedNetwork
from diffkit.engine.forward.finite import checked_output
from diffkit.engine.forward.limits import fitted
from diffkit.engine.forward.rotary import rescales
from diffkit.engine.generation import last_logits_only
from diffkit.engine.inputs import Inputs


@dataclass(frozen=True)
class PrefixCache:
    """A model that has read some tokens, for rows that continue them or their beginning."""

    model: AdaptedNetwork
    ids: Int[Tensor, " seq"]
    cache: Any
    """Keys and values at all tokens, as transformers holds them; never changed."""

    @classmethod
    def of(cls, model: AdaptedNetwork, ids: Int[Tensor, " seq"]) -> "PrefixCache":
        """Reads the tokens in one forward pass, without active edits."""
        from transformers import DynamicCache

        if len(ids):
            given = fitted(model, Inputs(torch.ones_like(ids[None], dtype=torch.bool), ids[None]))
            ids = ids.to(given.mask.device)
        with model.active(hooks=False) as module:
            cache: Any = DynamicCache(config=module.config)
            cache.activate_past_recording()  # a sliding window can then be cut anywhere
            if len(ids):
                few = last_logits_only(model.network.keeps_few, ids.device)
                module(input_ids=ids[None], past_key_values=cache, use_cache=True, **few)
        return cls(model, ids, cache)

    def logits(
        self, inputs: Inputs, *, after: int | None = None, keep: int | slice | None = None
    ) -> Float[Tensor, "batch kept rows"]:
        """Next-token logits of rows that follow the prefix, equal to those of whole rows.

        Whole rows are run where cached states would give other results: while edits are active,
        where padding would move a sliding window, and where the scale of rotary positions depends
        on the length. No gradients are recorded.

        Args:
            inputs: the rows without the prefix, padded on either side.
            after: number of the prefix's tokens that come before the rows; none is all.
            keep: the number of last positions of the rows, or a slice of them; none keeps all.

        Raises:
            ValueError: the prefix is shorter than ``after``.
        """
        shared = len(self.ids) if after is None else after
        if not 0 <= shared <= len(self.ids):
            msg = f"after is {after}, but the prefix has {len(self.ids)} tokens"
            raise ValueError(msg)
        inputs = fitted(self.model, inputs)
        first, last, step = _kept_positions(keep, inputs.mask.shape[1])
        if shared and self._serves(inputs, shared):
            return self._cached(inputs, shared, torch.arange(first, last, step))
        with torch.no_grad():
            whole = self._whole(inputs, shared)
        return self.model.logits(whole, slice(first + shared, last + shared, step))

    def _cached(
        self, inputs: Inputs, shared: int, kept: Int[Tensor, " kept"]
    ) -> Float[Tensor, "batch kept rows"]:
        kept = kept.to(self.model.device)
        before = inputs.mask.new_ones(len(inputs.mask), shared)
        with self.model.active() as module:
            few = {"logits_to_keep": kept} if self.model.network.keeps_few else {}
            logits: Tensor = module(
                input_ids=inputs.ids,
                inputs_embeds=inputs.embeds,
                attention_mask=torch.cat([before, inputs.mask], dim=1).long(),
                position_ids=inputs.positions + shared,
                past_key_values=_cropped_cache(
                    self.cache, len(self.ids) - shared, len(inputs.mask)
                ),
                use_cache=True,
                **few,
            ).logits
            logits = logits if few else logits[:, kept]
            return checked_output(self.model, logits, "logits", inputs=inputs, columns=kept)

    def _serves(self, inputs: Inputs, shared: int) -> bool:
        """Whether cached states give the results of whole rows."""
        from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

        layers = self.cache.layers
        if self.model.edited or {type(layer) for layer in layers} - {
            DynamicLayer,
            DynamicSlidingWindowLayer,
        }:
            return False
        length = shared + inputs.mask.shape[1]
        limit = self.model.network.position_limit
        if limit is not None and length > limit:  # the whole rows are refused by name
            return False
        if rescales(self.model.network.module.config, max(length, len(self.ids))):
            return False
        windows = [layer.sliding_window for layer in layers if layer.is_sliding]
        return length <= min(windows, default=length) or bool(inputs.mask[:, 0].all())

    def _whole(self, inputs: Inputs, shared: int) -> Inputs:
        """Whole rows: the tokens of each stay in the last columns, directly after its prefix.

        Padding between the two would count in a sliding window.
        """
        count, length = inputs.mask.shape
        padding = (inputs.mask.cumsum(dim=1) == 0).sum(dim=1, keepdim=True)
        column = torch.arange(shared + length, device=padding.device).expand(count, -1)
        source = torch.where(column < padding + shared, column - padding, column)
        source = torch.where(column < padding, column + shared, source)
        ids = self.ids[:shared].expand(count, -1)
        mask = torch.cat([torch.ones_like(ids, dtype=torch.bool), inputs.mask], dim=1)
        mask = mask.take_along_dim(source, dim=1)
        if inputs.embeds is None:
            rows: Any = inputs.ids
            return Inputs(mask, ids=torch.cat([ids, rows], dim=1).take_along_dim(source, dim=1))
        embeds = torch.cat([self.model.embed(ids), inputs.embeds], dim=1)
        return Inputs(mask, embeds=embeds.take_along_dim(source[..., None], dim=1))


def _cropped_cache(cache: Any, dropped: int, count: int) -> Any:
    """The cache without its last tokens, expanded to ``count`` rows: views, safe to append to."""
    shared = copy(cache)
    shared.layers = [copy(layer) for layer in cache.layers]
    shared.crop(-dropped)
    for layer in shared.layers:
        layer.keys = layer.keys.expand(count, -1, -1, -1)
        layer.values = layer.values.expand(count, -1, -1, -1)
    return shared


def _kept_positions(keep: int | slice | None, length: int) -> tuple[int, int, int]:
    """Start, stop and step of the positions that are kept."""
    if isinstance(keep, int):
        return max(length - keep, 0), length, 1
    return (slice(None) if keep is None else keep).indices(length)
