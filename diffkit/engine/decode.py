"""Generates tokens with a cache of keys and values.

Written out rather than left to transformers' ``generate``, because that mixes in the defaults of
the model's generation_config.json (top-k, penalties), draws from the global random state, and
makes a row's draws depend on its batch.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from diffkit.engine.inputs import Inputs
from diffkit.generator import Sampling

_SPREAD = 1_000_003
"""Keeps the generators of neighbouring seeds and rows apart."""


@dataclass(frozen=True)
class Decoded:
    """One row's new tokens."""

    ids: tuple[int, ...]
    """Without the end-of-sequence token."""
    finished: bool
    """Whether the model ended the row."""


def decode(
    module: nn.Module,
    inputs: Inputs,
    sampling: Sampling,
    *,
    vocabulary: int,
    ends: frozenset[int],
    first: int,
) -> list[Decoded]:
    """Generates one batch; the caller holds the side.

    Args:
        module: a causal language model of transformers.
        inputs: padded on the left.
        sampling: how tokens are chosen.
        vocabulary: ids from here on are never chosen.
        ends: ids that end a row.
        first: number of the first row, for its draws.
    """
    ends = ends if sampling.stop_at_eos else frozenset()
    draws = _draws(sampling, len(inputs.mask), first)
    rows: list[list[int]] = [[] for _ in inputs.mask]
    finished = [False] * len(rows)
    live = list(range(len(rows)))
    step = _Step(module, inputs)
    for number in range(sampling.max_new_tokens):
        chosen = choose(step.logits[:, :vocabulary], sampling, draws[live, number])
        for row, token in zip(live, chosen.tolist(), strict=True):
            finished[row] = finished[row] or token in ends
            if not finished[row]:
                rows[row].append(token)
        going = [place for place, row in enumerate(live) if not finished[row]]
        if not going or number + 1 == sampling.max_new_tokens:
            break
        if 2 * len(going) <= len(live):  # most are done: the others need not wait for company
            live = [live[place] for place in going]
            chosen = step.keep(chosen, going)
        step.forward(chosen)
    return [Decoded(tuple(ids), end) for ids, end in zip(rows, finished, strict=True)]


class _Step:
    """The state between two tokens: cache, mask and positions."""

    def __init__(self, module: nn.Module, inputs: Inputs) -> None:
        self._module = module
        self._few = "logits_to_keep" in inspect.signature(module.forward).parameters
        self._mask = inputs.mask
        self._next = inputs.mask.long().sum(dim=1, keepdim=True)
        self._cache: Any = None
        self.logits = self._run(
            {"input_ids": inputs.ids, "inputs_embeds": inputs.embeds}, inputs.positions
        )

    def forward(self, chosen: Int[Tensor, " batch"]) -> None:
        """Takes in one token a row; `logits` are then those after it."""
        one = torch.ones_like(self._mask[:, :1])
        self._mask = torch.cat([self._mask, one], dim=1)
        self.logits = self._run({"input_ids": chosen[:, None]}, self._next)
        self._next = self._next + 1

    def keep(self, chosen: Int[Tensor, " batch"], rows: Sequence[int]) -> Int[Tensor, " kept"]:
        """Forgets all rows but some, and gives their part of ``chosen``."""
        places = torch.tensor(rows, device=self._mask.device)
        self._mask, self._next = self._mask[places], self._next[places]
        self._cache.batch_select_indices(places)
        return chosen[places]

    def _run(
        self, given: Mapping[str, Tensor | None], positions: Int[Tensor, "batch new"]
    ) -> Float[Tensor, "batch rows"]:
        output = self._module(
            **given,
            attention_mask=self._mask.long(),
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            **({"logits_to_keep": 1} if self._few else {}),
        )
        self._cache = output.past_key_values
        last: Tensor = output.logits[:, -1]
        return last


def _draws(sampling: Sampling, rows: int, first: int) -> Float[Tensor, "rows new"]:
    """Uniform numbers, one for each row and token, whatever batch the row is in."""
    drawn = []
    for row in range(first, first + rows):
        generator = torch.Generator().manual_seed((sampling.seed * _SPREAD + row) % 2**63)
        drawn.append(torch.rand(sampling.max_new_tokens, generator=generator, dtype=torch.float64))
    return torch.stack(drawn)


def choose(
    logits: Float[Tensor, "batch vocabulary"], sampling: Sampling, draws: Float[Tensor, " batch"]
) -> Int[Tensor, " batch"]:
    """The next token of each row.

    Args:
        logits: of the real tokens.
        sampling: temperature and nucleus.
        draws: uniform on [0, 1), one for each row.
    """
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    scaled = logits.double() / sampling.temperature
    ordered, tokens = scaled.softmax(dim=-1).sort(dim=-1, descending=True, stable=True)
    mass = ordered.cumsum(dim=-1)
    inside = mass - ordered < sampling.top_p  # the token that crosses top_p is still in
    mass = (ordered * inside).cumsum(dim=-1)
    target = draws.to(mass.device)[:, None] * mass[:, -1:]
    place = (mass <= target).sum(dim=-1, keepdim=True).clamp(max=mass.shape[-1] - 1)
    return tokens.gather(1, place)[:, 0]
