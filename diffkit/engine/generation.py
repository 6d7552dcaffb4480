"""Generates tokens with a key-value cache.

This is written out instead of calling transformers' ``generate``, because that mixes in the
defaults of the model's generation_config.json (top-k, penalties), draws from the global random
state, and makes the draws of a row depend on its batch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit.engine.inputs import Inputs
from diffkit.maths.chunks import chunk_positions
from diffkit.sampling import Sampling

_ROW_STRIDE = 1_000_003
"""Keeps the generators of neighbouring seeds and rows apart."""


LIKELIEST = 256
"""Tokens among which a draw is looked for before the whole vocabulary is sorted."""


@runtime_checkable
class DecodingState(Protocol):
    """The state between two tokens of the rows that are still being generated."""

    def logits(self) -> Float[Tensor, "live rows"]:
        """Logits of the next token."""

    def record(self, chosen: Int[Tensor, " live"]) -> None:
        """Receives the token that was chosen for each row, before `forward` appends it."""

    def forward(self, chosen: Int[Tensor, " live"]) -> None:
        """Appends one token to each row; `logits` are then those of the token after it."""

    def keep(self, places: Int[Tensor, " kept"]) -> None:
        """Drops all rows except ``places``, counted among the live ones."""


def last_logits_only(keeps_few: bool, device: torch.device) -> dict[str, Int[Tensor, " last"]]:
    """The argument with which a model of transformers makes logits of the last position alone.

    An index, not the number 1: a slice of the states is not contiguous, and torch then multiplies
    bfloat16 on the CPU row by row, with a copy of the whole unembedding for each of them.

    Args:
        keeps_few: whether the model takes ``logits_to_keep``; otherwise there is no argument.
        device: where the states are.
    """
    return {"logits_to_keep": torch.tensor([-1], device=device)} if keeps_few else {}


class CachedDecoding:
    """The decoding state of one model: key-value cache, mask and positions.

    Args:
        forward: a causal language model of transformers, or a function that calls one.
        inputs: padded on the left.
        keeps_few: whether the model takes ``logits_to_keep``.
        share_equal: whether equal rows are read once; not where an edit tells them apart.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        inputs: Inputs,
        *,
        keeps_few: bool,
        share_equal: bool = True,
    ) -> None:
        self._forward = forward
        self._kept = last_logits_only(keeps_few, inputs.mask.device)
        self._mask = inputs.mask
        self._next = inputs.mask.long().sum(dim=1, keepdim=True)
        self._cache: Any = None
        rows = _distinct_rows(inputs) if share_equal and inputs.ids is not None else None
        self._logits = self._read(inputs) if rows is None else self._read_once(inputs, *rows)

    def logits(self) -> Float[Tensor, "live rows"]:
        """Logits of the next token."""
        return self._logits

    def record(self, chosen: Int[Tensor, " live"]) -> None:
        """Keeps nothing of the choice."""

    def forward(self, chosen: Int[Tensor, " live"]) -> None:
        """Appends one token to each row."""
        one = torch.ones_like(self._mask[:, :1])
        self._mask = torch.cat([self._mask, one], dim=1)
        self._logits = self._run({"input_ids": chosen[:, None]}, self._next)
        self._next = self._next + 1

    def keep(self, places: Int[Tensor, " kept"]) -> None:
        """Drops all rows except ``places``."""
        self._mask, self._next = self._mask[places], self._next[places]
        self._cache.batch_select_indices(places)

    def _read(self, inputs: Inputs) -> Float[Tensor, "batch rows"]:
        given = {"input_ids": inputs.ids, "inputs_embeds": inputs.embeds}
        return self._run(given, inputs.positions)

    def _read_once(
        self, inputs: Inputs, distinct: Int[Tensor, " distinct"], of_row: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch rows"]:
        """Reads distinct rows, and gives each row its copy of what was read."""
        assert inputs.ids is not None  # noqa: S101 - embeddings are not compared
        whole, self._mask = self._mask, inputs.mask[distinct]
        logits = self._read(Inputs(self._mask, ids=inputs.ids[distinct]))
        self._mask = whole
        self._cache.batch_select_indices(of_row)
        return logits[of_row]

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


def _distinct_rows(
    inputs: Inputs,
) -> tuple[Int[Tensor, " distinct"], Int[Tensor, " batch"]] | None:
    """The first of each kind of equal rows, and which of these each row is; none: all differ."""
    assert inputs.ids is not None  # noqa: S101 - the caller asks
    keys = zip(inputs.ids.tolist(), inputs.mask.tolist(), strict=True)
    seen: dict[tuple[Any, ...], int] = {}
    firsts: list[int] = []
    of_row = []
    for row, (ids, mask) in enumerate(keys):
        key = (*ids, *mask)
        if key not in seen:
            seen[key] = len(firsts)
            firsts.append(row)
        of_row.append(seen[key])
    if len(firsts) == len(of_row):
        return None
    device = inputs.mask.device
    return torch.tensor(firsts, device=device), torch.tensor(of_row, device=device)


@dataclass(frozen=True)
class GeneratedIds:
    """The new tokens of one row."""

    ids: tuple[int, ...]
    """Without the end-of-sequence token."""
    finished: bool
    """Whether the model ended the row."""


def generate_batch(
    state: DecodingState,
    sampling: Sampling,
    *,
    vocabulary: int,
    eos_ids: frozenset[int],
    row_seeds: Sequence[int],
) -> list[GeneratedIds]:
    """Generates one batch.

    Args:
        state: the decoding state before the first new token.
        sampling: how tokens are chosen.
        vocabulary: ids from here on are never chosen.
        eos_ids: ids that end a row.
        row_seeds: seed of each row besides `Sampling.seed`; rows of one seed get the same draws.
    """
    eos_ids = eos_ids if sampling.stop_at_eos else frozenset()
    draws = _draws(sampling, row_seeds)
    rows: list[list[int]] = [[] for _ in row_seeds]
    finished = [False] * len(rows)
    live = list(range(len(rows)))
    for number in range(sampling.max_new_tokens):
        chosen = sample_tokens(state.logits()[:, :vocabulary], sampling, draws[live, number])
        state.record(chosen)
        for row, token in zip(live, chosen.tolist(), strict=True):
            finished[row] = finished[row] or token in eos_ids
            if not finished[row]:
                rows[row].append(token)
        going = [place for place, row in enumerate(live) if not finished[row]]
        if not going or number + 1 == sampling.max_new_tokens:
            break
        if 2 * len(going) <= len(live):  # most rows are done: the others continue without them
            live = [live[place] for place in going]
            places = torch.tensor(going, device=chosen.device)
            state.keep(places)
            chosen = chosen[places]
        state.forward(chosen)
    return [GeneratedIds(tuple(ids), end) for ids, end in zip(rows, finished, strict=True)]


def _draws(sampling: Sampling, row_seeds: Sequence[int]) -> Float[Tensor, "rows new"]:
    """Uniform numbers, one for each row and token, independent of the batch a row is in."""
    drawn = []
    for seed in row_seeds:
        generator = torch.Generator().manual_seed((sampling.seed * _ROW_STRIDE + seed) % 2**63)
        drawn.append(torch.rand(sampling.max_new_tokens, generator=generator, dtype=torch.float64))
    return torch.stack(drawn)


def sample_tokens(
    logits: Float[Tensor, "batch vocabulary"], sampling: Sampling, draws: Float[Tensor, " batch"]
) -> Int[Tensor, " batch"]:
    """The next token of each row.

    Args:
        logits: logits of the real tokens.
        sampling: temperature, and which tokens are likely enough.
        draws: uniform on [0, 1), one for each row.
    """
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    rows = max(1, chunk_positions(logits.shape[1], logits.device) // 2)  # float64
    draws = draws.to(logits.device)
    parts = [slice(start, start + rows) for start in range(0, len(logits), rows)]
    return torch.cat([_drawn(logits[part], sampling, draws[part]) for part in parts])


def _drawn(
    logits: Float[Tensor, "batch vocabulary"], sampling: Sampling, draws: Float[Tensor, " batch"]
) -> Int[Tensor, " batch"]:
    probabilities = (logits.double() / sampling.temperature).softmax(dim=-1)
    if sampling.min_p:  # the others have no part of [0, 1); those kept are the likeliest ones
        least = sampling.min_p * probabilities.amax(dim=-1, keepdim=True)
        probabilities = probabilities.masked_fill(probabilities < least, 0.0)
    if logits.shape[1] <= 4 * LIKELIEST:
        return _drawn_among_all(probabilities, sampling.top_p, draws)
    chosen, found = _drawn_among_likeliest(probabilities, sampling.top_p, draws)
    if not found.all():
        rest = ~found
        chosen[rest] = _drawn_among_all(probabilities[rest], sampling.top_p, draws[rest])
    return chosen


def _drawn_among_all(
    probabilities: Float[Tensor, "batch vocabulary"], top_p: float, draws: Float[Tensor, " batch"]
) -> Int[Tensor, " batch"]:
    """The token whose part of [0, 1) a draw falls into, in descending order of probability."""
    ordered, tokens = probabilities.sort(dim=-1, descending=True, stable=True)
    mass = ordered.cumsum(dim=-1)
    inside = mass - ordered < top_p  # the token that crosses top_p is still in
    mass = (ordered * inside).cumsum(dim=-1)
    place = (mass <= draws[:, None] * mass[:, -1:]).sum(dim=-1, keepdim=True)
    return tokens.gather(1, place.clamp(max=mass.shape[-1] - 1))[:, 0]


def _drawn_among_likeliest(
    probabilities: Float[Tensor, "batch vocabulary"], top_p: float, draws: Float[Tensor, " batch"]
) -> tuple[Int[Tensor, " batch"], Bool[Tensor, " batch"]]:
    """The same without sorting the vocabulary, and whether the draw falls to the likeliest."""
    tokens = probabilities.topk(LIKELIEST, dim=-1).indices.sort(dim=-1).values
    ordered, order = probabilities.gather(1, tokens).sort(dim=-1, descending=True, stable=True)
    mass = ordered.cumsum(dim=-1)
    # Of the tokens that are as likely as the last of these, some may be missing.
    complete = torch.where(ordered > ordered[:, -1:], mass, 0.0).amax(dim=-1)
    inside = (ordered * (mass - ordered < top_p)).sum(dim=-1)
    total = probabilities.sum(dim=-1) if top_p == 1 else inside
    target = draws * total
    whole = (complete >= top_p) | (ordered[:, -1] == 0)  # of the rest, none can be drawn
    found = (target < complete) & (whole | (top_p == 1))
    place = (mass <= target[:, None]).sum(dim=-1, keepdim=True).clamp(max=LIKELIEST - 1)
    return tokens.gather(1, order.gather(1, place))[:, 0], found
