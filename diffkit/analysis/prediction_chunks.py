"""Predictions at chosen positions of a batch, a few at a time.

The logits of a whole batch take rows x length x vocabulary numbers: gigabytes for real models. Here
the states of the chosen positions alone are unembedded, in blocks, and compared in smaller chunks,
which stay in the processor's cache. Memory depends on neither the batch nor the vocabulary.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit.engine.inputs import Inputs
from diffkit.engine.model import Model
from diffkit.engine.pair import ModelPair
from diffkit.maths.chunks import chunk_positions

BLOCK_LOGITS = 2**24
"""Logits of one side that are held at a time: 32 MB in bfloat16."""


@dataclass(frozen=True)
class PredictionChunk:
    """Both sides' predictions at a few chosen positions, row after row, on the base's device."""

    places: slice
    """Which of the chosen positions these are, counted row after row."""
    rows: Int[Tensor, " chunk"]
    """The row of each."""
    columns: Int[Tensor, " chunk"]
    """The column of each."""
    base: Float[Tensor, "chunk vocabulary"]
    """The base's log probabilities over the tokens that both sides have, renormalised, float32."""
    finetuned: Float[Tensor, "chunk vocabulary"]
    """The finetuned side's."""


def prediction_chunks(
    pair: ModelPair,
    inputs: Inputs,
    chosen: Bool[Tensor, "batch seq"],
    *,
    chunk: int | None = None,
    one_row: bool = False,
) -> Iterator[PredictionChunk]:
    """Has both sides read a batch, and yields their predictions. No gradients.

    Args:
        pair: both sides.
        inputs: the batch.
        chosen: the positions whose next-token predictions are wanted.
        chunk: the number of positions at a time; none takes what stays in the processor's cache.
        one_row: whether no chunk holds positions of two rows.
    """
    device, vocabulary = pair.base.device, pair.vocabulary
    rows, columns = chosen.to(device).nonzero().unbind(dim=1)
    states = [_chosen_states(side, inputs, chosen) for side in (pair.base, pair.finetuned)]
    size = chunk or chunk_positions(vocabulary, device)
    for block in _slices(0, len(rows), max(1, BLOCK_LOGITS // vocabulary)):
        q, p = (read.logits(block)[:, :vocabulary].to(device) for read in states)
        ends = _row_ends(rows[block]) if one_row else [len(p)]
        for start, end in zip([0, *ends], ends, strict=False):
            for part in _slices(start, end, size):
                places = slice(block.start + part.start, block.start + part.stop)
                both = (_normalised(q[part]), _normalised(p[part]))
                yield PredictionChunk(places, rows[places], columns[places], *both)


def target_log_probabilities(
    model: Model,
    inputs: Inputs,
    chosen: Bool[Tensor, "batch seq"],
    targets: Int[Tensor, " positions"],
    vocabulary: int,
    *,
    chunk: int | None = None,
) -> Float[Tensor, " positions"]:
    """One side's log probability of a token at each chosen position. No gradients.

    Args:
        model: the side.
        inputs: the batch.
        chosen: the positions before the tokens.
        targets: the tokens, row after row.
        vocabulary: the number of tokens that count; one beyond them gets −inf.
        chunk: the number of positions at a time; none takes what stays in the processor's cache.

    Returns:
        In nats, float32, on the CPU.
    """
    states, found = _chosen_states(model, inputs, chosen), []
    for block in _slices(0, len(targets), max(1, BLOCK_LOGITS // vocabulary)):
        logits = states.logits(block)
        found.append(gathered_log_probabilities(logits, targets[block], vocabulary, chunk))
    return torch.cat(found) if found else torch.zeros(0)


def gathered_log_probabilities(
    logits: Float[Tensor, "positions rows"],
    targets: Int[Tensor, " positions"],
    vocabulary: int,
    chunk: int | None = None,
) -> Float[Tensor, " positions"]:
    """The log probability of a token at each position, over the first ``vocabulary`` tokens.

    Args:
        logits: one side's.
        targets: the tokens.
        vocabulary: the number of tokens that count; one beyond them gets −inf.
        chunk: the number of positions at a time; none takes what stays in the processor's cache.

    Returns:
        In nats, float32, on the CPU.
    """
    found, wanted = [], targets.to(logits.device)
    for part in _slices(0, len(wanted), chunk or chunk_positions(vocabulary, logits.device)):
        token = wanted[part].clamp(max=vocabulary - 1)[:, None]
        each = _normalised(logits[part, :vocabulary]).gather(1, token)[:, 0]
        found.append(each.masked_fill(wanted[part] >= vocabulary, -torch.inf).cpu())
    return torch.cat(found) if found else torch.zeros(0)


@dataclass(frozen=True)
class _ChosenStates:
    """What the logits of the chosen positions are made of."""

    model: Model
    read: Float[Tensor, "positions width"]
    """Final states, or logits where the model makes them in a way of its own."""
    projected: bool

    def logits(self, block: slice) -> Float[Tensor, "block rows"]:
        if self.projected:
            return self.read[block]
        with torch.no_grad():
            return self.model.project(self.read[block])


def _chosen_states(
    model: Model, inputs: Inputs, chosen: Bool[Tensor, "batch seq"]
) -> _ChosenStates:
    plain = model.projects_final_states
    with torch.no_grad():
        read = model.final_states(inputs) if plain else model.logits(inputs)
        return _ChosenStates(model, read[chosen.to(read.device)], projected=not plain)


def _normalised(logits: Float[Tensor, "chunk vocabulary"]) -> Float[Tensor, "chunk vocabulary"]:
    # float32 before the softmax: bfloat16 has eight bits, too few for a sum over a vocabulary.
    return logits.float().log_softmax(dim=-1)


def _slices(start: int, stop: int, size: int) -> Iterator[slice]:
    for first in range(start, stop, size):
        yield slice(first, min(first + size, stop))


def _row_ends(rows: Int[Tensor, " block"]) -> list[int]:
    """Where in the block each row's positions end."""
    ends: list[int] = (rows.diff().nonzero()[:, 0] + 1).tolist()
    return [*ends, len(rows)]
