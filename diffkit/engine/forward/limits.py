"""Holds inputs to what a network can read: its vocabulary rows and its learned positions."""

from typing import Any

import torch
from torch import nn

from diffkit.engine.forward.finite import CheckedSide, quoted, with_checked_gradient
from diffkit.engine.inputs import Inputs
from diffkit.errors import BadModel

_FIELDS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length")
"""Names that configurations have for the number of positions."""


def position_limit(module: nn.Module) -> int | None:
    """The number of positions that a network can read; none where its positions are computed.

    Rotary positions are computed for any length, and so are ALiBi's biases. A text longer than
    the training context is then read, if badly. Learned positions are rows of a table.

    Args:
        module: a causal language model of transformers.
    """
    config: Any = module.config
    computed = any(hasattr(part, "inv_freq") for part in module.modules())
    if computed or _buffers_of_layer_types(module) or _has_alibi(config):
        return None
    limits = (getattr(config, field, None) for field in _FIELDS)
    return min((limit for limit in limits if isinstance(limit, int) and limit > 0), default=None)


def _buffers_of_layer_types(module: nn.Module) -> bool:
    """Whether there are rotary frequencies for each type of layer, as in Gemma 3."""
    return any(name.endswith("_inv_freq") for name, _ in module.named_buffers())


def _has_alibi(config: Any) -> bool:
    return bool(getattr(config, "alibi", False)) or config.model_type == "bloom"


def fitted(model: CheckedSide, inputs: Inputs) -> Inputs:
    """The batch on the model's device, with an id at padding that the model has a row for.

    Raises:
        BadModel: a token has no row, or a text is longer than the learned positions; the message
            names it.
    """
    inputs = inputs.to(model.device)
    limit = model.network.position_limit
    if limit is not None and inputs.mask.shape[1] > limit:
        _check_length(model, inputs, limit)
    if inputs.embeds is not None and inputs.differentiable:
        return inputs.with_embeds(with_checked_gradient(model, inputs.embeds))
    return with_rows(model, inputs)


def with_rows(model: CheckedSide, inputs: Inputs) -> Inputs:
    """The batch, with an id at padding that the model has a row for.

    Raises:
        BadModel: a token has no row; the message names it.
    """
    if inputs.ids is None or not inputs.ids.numel() or int(inputs.ids.max()) < model.embed_rows:
        return inputs
    beyond = (inputs.ids >= model.embed_rows) & inputs.mask
    if bool(beyond.any()):
        row, column = beyond.nonzero()[0].tolist()
        raise _no_row(model, inputs, row, column)
    return inputs.with_ids(torch.where(inputs.mask, inputs.ids, 0))


def _check_length(model: CheckedSide, inputs: Inputs, limit: int) -> None:
    lengths = inputs.mask.sum(dim=1)
    if int(lengths.max()) <= limit:
        return
    row = int(lengths.argmax())
    ids = None if inputs.ids is None else inputs.ids[row][inputs.mask[row]].tolist()
    raise too_long(model, int(lengths[row]), limit, ids)


def too_long(model: CheckedSide, length: int, limit: int, ids: list[int] | None = None) -> BadModel:
    """The error for a row that is longer than the learned positions.

    Args:
        model: the side that should read it.
        length: number of its tokens.
        limit: number of positions.
        ids: its token ids; none where they are not known.
    """
    what = "A row of embeddings" if ids is None else f"The text {quoted(model, ids)}"
    return BadModel(
        f"{what} has {length} tokens, and {model.side} has learned {limit} positions.",
        hint=f"Give shorter texts, or cut them: --set max_tokens={limit} (less, where a method "
        "puts a prompt before them or generates tokens after them).",
    )


def _no_row(model: CheckedSide, inputs: Inputs, row: int, column: int) -> BadModel:
    assert inputs.ids is not None  # noqa: S101 - the caller has looked at them
    token = int(inputs.ids[row, column])
    ids = inputs.ids[row][inputs.mask[row]].tolist()
    name = model.tokenizer.convert_ids_to_tokens(token)
    return BadModel(
        f"The token {name!r} (id {token}) of the text {quoted(model, ids)} has no row in "
        f"{model.side}, whose embedding has {model.embed_rows}.",
        hint="Take the token out of the texts and the chat template, or resize the model with "
        "resize_token_embeddings(len(tokenizer)) and save it.",
    )
