"""Refuses outputs that are not finite, where they arise, naming the side and the place."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from diffkit.engine.inputs import Inputs
from diffkit.errors import NonFinite

GRADIENT = "a gradient"
"""What errors call a gradient."""

_SHOWN = 60
"""Characters of a text that an error quotes."""


class CheckedSide(ABC):
    """What the checks need to know of a side."""

    side: str
    """How errors name it, within a sentence."""
    tokenizer: Any
    """A transformers tokenizer."""
    network: Any
    """Its `Network`."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """The device of the weights."""

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype:
        """Number format of the activations."""

    @property
    @abstractmethod
    def vocabulary(self) -> int:
        """Number of real tokens: ids below it have both a row and a token."""

    @property
    @abstractmethod
    def embed_rows(self) -> int:
        """Rows of the input embedding: ids from here on cannot be read."""

    @property
    @abstractmethod
    def edited(self) -> bool:
        """Whether edits are active in this thread."""

    @abstractmethod
    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """Names and values of its weights, the factors of a low-rank product by themselves."""


EARLIER_HINT = "Its training diverged: give an earlier checkpoint, or train it again."


def is_finite(values: Tensor) -> bool:
    """Whether no value is NaN or infinite, in one pass that allocates nothing."""
    if not values.numel():
        return True
    low, high = torch.aminmax(values.detach())
    return bool((high.float() - low.float()).isfinite()) or bool(values.detach().isfinite().all())


def checked_output(
    model: CheckedSide,
    values: Tensor,
    what: str,
    *,
    inputs: Inputs | None = None,
    columns: Int[Tensor, " kept"] | None = None,
) -> Tensor:
    """The same values, after a check that they are finite wherever they have a meaning.

    Args:
        model: the side whose output it is.
        values: [batch kept …] where ``inputs`` are given, otherwise of any shape.
        what: name of the output in the error, such as ``logits``.
        inputs: the batch; values at its padding, and logits of rows without a token, are ignored.
        columns: positions of the batch that were kept; none: all.

    Raises:
        NonFinite: a value is not finite.
    """
    if is_finite(values):
        return values
    bad = ~values.detach()[..., : model.vocabulary if what == "logits" else None].isfinite()
    places = bad.flatten(2).any(dim=2) if inputs is not None else bad
    if inputs is not None:
        mask = inputs.mask.to(bad.device)
        places = places & (mask if columns is None else mask[:, columns.to(bad.device)])
    if not bool(places.any()):
        return values
    where = ""
    if inputs is not None:
        row, place = places.nonzero()[0].tolist()
        where = _place(model, inputs, row, place if columns is None else int(columns[place]))
    raise _error(model, values, what + where)


def checked_number(model: CheckedSide, values: Tensor, what: str) -> Tensor:
    """The same values, all of which count: a gradient, or logits of one next token.

    Raises:
        NonFinite: a value is not finite.
    """
    return checked_output(model, values, what)


_unchecked: ContextVar[bool] = ContextVar("gradients are not checked", default=False)


@contextmanager
def unchecked_gradients() -> Iterator[None]:
    """Forward passes whose gradients the caller checks by itself."""
    token = _unchecked.set(True)
    try:
        yield
    finally:
        _unchecked.reset(token)


def with_checked_gradient(model: CheckedSide, embeds: Tensor) -> Tensor:
    """The same embeddings, whose gradient is refused where it is not finite.

    Args:
        model: the side that reads them.
        embeds: embeddings that require gradients.
    """
    if _unchecked.get():
        return embeds
    same = embeds.view_as(embeds)  # the check ends with this graph
    same.register_hook(  # type: ignore[no-untyped-call]
        lambda gradient: checked_number(model, gradient, GRADIENT)
    )
    return same


def _error(model: CheckedSide, values: Tensor, what: str) -> NonFinite:
    kind = "NaN" if bool(values.detach().isnan().any()) else "infinity"
    edited = " while an edit of its residual stream is active" if model.edited else ""
    side = model.side[0].upper() + model.side[1:]
    return NonFinite(f"{side} gives {kind} as {what}{edited}.", hint=_hint(model, what))


def _place(model: CheckedSide, inputs: Inputs, row: int, column: int) -> str:
    """Which token of which text, in words."""
    number = int(inputs.mask[row, : column + 1].sum())
    if inputs.ids is None:
        return f" at position {number} of row {row + 1} of the embeddings"
    ids = inputs.ids[row][inputs.mask[row]].tolist()
    return f" at token {number} of {len(ids)} of the text {quoted(model, ids)}"


def quoted(model: CheckedSide, ids: list[int]) -> str:
    """The beginning of a text, for an error."""
    words: str = model.tokenizer.decode(ids[:_SHOWN])
    return repr(words[:_SHOWN] + "…" if len(words) > _SHOWN or len(ids) > _SHOWN else words)


def _hint(model: CheckedSide, what: str) -> str:
    """What to do next: another number format helps only where the weights themselves are numbers.

    A weight that is infinite may have been finite in the stored format.
    """
    for name, weight in model.weights():
        if bool(weight.isnan().any()):
            return f"Its weight {name} holds NaN. {EARLIER_HINT}"
    if model.dtype != torch.float32:
        return f"It is computed in {str(model.dtype).removeprefix('torch.')}; try: --dtype float32"
    if what == GRADIENT:
        return "The loss is too large even for float32: scale it down."
    return f"Its numbers are too large even for float32. {EARLIER_HINT}"
