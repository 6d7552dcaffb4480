"""Rotary positions whose scale depends on the length: each row is read as if it were alone.

transformers chooses the frequencies of the types ``dynamic`` and ``longrope`` by the longest row of
a batch, and keeps those of ``dynamic`` for later calls.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

Cosines = Float[Tensor, "batch seq width"]


def _depends_on_length(kind: object) -> bool:
    return isinstance(kind, str) and ("dynamic" in kind or kind == "longrope")


def rescales(config: Any, length: int) -> bool:
    """Whether the scale of rotary positions differs at this length from that of short rows.

    Args:
        config: configuration of a model of transformers.
        length: number of tokens.
    """
    limits = list(_original_lengths(config))
    return bool(limits) and length > min(limits)


def _original_lengths(config: Any) -> Iterator[int]:
    """The longest texts that are read in the original scale, by type of layer."""
    rope = getattr(config, "rope_parameters", None) or {}
    for kind in (rope, *(part for part in rope.values() if isinstance(part, dict))):
        if _depends_on_length(kind.get("rope_type")):
            own = kind.get("original_max_position_embeddings")
            yield int(own if "longrope" in kind["rope_type"] and own else _context(config, own))


def _context(config: Any, own: int | None) -> int:
    limits: list[int] = [config.max_position_embeddings, *([own] if own else [])]
    return min(limits)


def read_rows_alone(module: nn.Module) -> None:
    """Makes the rotary embeddings of a network choose their scale for each row by itself.

    Args:
        module: a model of transformers; it is changed in place, and only where it has positions
            whose scale depends on the length.
    """
    for part in module.modules():
        kinds = getattr(part, "rope_type", None)
        named = kinds.values() if isinstance(kinds, dict) else (kinds,)
        if any(map(_depends_on_length, named)) and not isinstance(part.forward, partial):
            part.forward = partial(_by_length, part, part.forward)


def _by_length(
    part: Any,
    forward: Callable[..., tuple[Cosines, Cosines]],
    x: Tensor,
    position_ids: Int[Tensor, "rows seq"],
    layer_type: str | None = None,
) -> tuple[Cosines, Cosines]:
    """Cosines and sines, [rows seq width], of rows of any lengths, and no state from before."""
    own = {} if layer_type is None else {"layer_type": layer_type}
    lengths = (position_ids.amax(dim=1) + 1).clamp(min=_scaled_from(part))
    found: tuple[Tensor, Tensor] | None = None
    for length in sorted(set(lengths.tolist())):
        rows = lengths == length
        _forget(part, layer_type, x.device)
        made = forward(x, position_ids[rows], **own)
        if found is None:
            shape = (len(position_ids), *made[0].shape[1:])
            found = made[0].new_empty(shape), made[1].new_empty(shape)
        for whole, few in zip(found, made, strict=True):
            whole[rows] = few
    if found is None:
        return forward(x, position_ids, **own)
    _forget(part, layer_type, x.device)
    return found


def _scaled_from(part: Any) -> int:
    return min([int(part.original_max_seq_len), *_original_lengths(part.config)])


def _forget(part: Any, layer_type: str | None, device: torch.device) -> None:
    """Sets frequencies to those of short rows, as in a model that has read nothing."""
    prefix = "" if layer_type is None else f"{layer_type}_"
    original = getattr(part, f"{prefix}original_inv_freq", None)
    if original is not None:
        part.register_buffer(f"{prefix}inv_freq", original.to(device), persistent=False)
        setattr(part, f"{prefix}max_seq_len_cached", part.original_max_seq_len)
