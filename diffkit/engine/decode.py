"""Generates tokens with a cache of keys and values.

Written out rather than left to transformers' ``generate``, because that mixes in the defaults of
the model's generation_config.json (top-k, penalties), draws from the global random state, and
makes a row's draws depend on its batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit.engine.step import Step
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
    step: Step,
    sampling: Sampling,
    *,
    vocabulary: int,
    ends: frozenset[int],
    numbers: Sequence[int],
) -> list[Decoded]:
    """Generates one batch.

    Args:
        step: what gives the logits, before its first token.
        sampling: how tokens are chosen.
        vocabulary: ids from here on are never chosen.
        ends: ids that end a row.
        numbers: what a row's draws come from besides the seed, one for each row; rows of one
            number meet the same draws.
    """
    ends = ends if sampling.stop_at_eos else frozenset()
    draws = _draws(sampling, numbers)
    rows: list[list[int]] = [[] for _ in numbers]
    finished = [False] * len(rows)
    live = list(range(len(rows)))
    for number in range(sampling.max_new_tokens):
        chosen = choose(step.logits()[:, :vocabulary], sampling, draws[live, number])
        for row, token in zip(live, chosen.tolist(), strict=True):
            finished[row] = finished[row] or token in ends
            if not finished[row]:
                rows[row].append(token)
        going = [place for place, row in enumerate(live) if not finished[row]]
        if not going or number + 1 == sampling.max_new_tokens:
            break
        if 2 * len(going) <= len(live):  # most are done: the others need not wait for company
            live = [live[place] for place in going]
            places = torch.tensor(going, device=chosen.device)
            step.keep(places)
            chosen = chosen[places]
        step.forward(chosen)
    return [Decoded(tuple(ids), end) for ids, end in zip(rows, finished, strict=True)]


def _draws(sampling: Sampling, numbers: Sequence[int]) -> Float[Tensor, "rows new"]:
    """Uniform numbers, one for each row and token, whatever batch the row is in."""
    drawn = []
    for row in numbers:
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
