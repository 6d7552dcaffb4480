"""How a prompt does on passages that it is not trained on just then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import pair_loss
from diffkit_plugins.soft_prompt_kl.anchor import at_rest
from diffkit_plugins.soft_prompt_kl.passages import Passage
from diffkit_plugins.soft_prompt_kl.problem import Problem
from diffkit_plugins.soft_prompt_kl.reading import states


@dataclass(frozen=True)
class Levels:
    """Means per token, in nats."""

    divergence: float
    """Clipped."""
    moved: float
    """KL of the base under the prompt from the base without it; 0 where it costs nothing."""
    objective: float
    """What training raises."""


@torch.no_grad()
def levels(
    problem: Problem,
    prompt: Float[Tensor, "length hidden"],
    pools: Sequence[Sequence[Passage]],
) -> Levels:
    """Means of each pool, and then of the pools; 0 where all are empty."""
    means = [
        torch.cat(list(_values(problem, prompt, pool))).double().mean(dim=0)
        for pool in pools
        if pool
    ]
    return Levels(*torch.stack(means).mean(dim=0).tolist()) if means else Levels(0.0, 0.0, 0.0)


def _values(
    problem: Problem, prompt: Float[Tensor, "length hidden"], pool: Sequence[Passage]
) -> Iterator[Float[Tensor, "tokens 3"]]:
    ordered = sorted(pool, key=lambda one: len(one.ids))  # of about one length: little is padded
    size = problem.config.micro_batch
    for start in range(0, len(ordered), size):
        yield from _of_batch(problem, prompt, ordered[start : start + size])


def _of_batch(
    problem: Problem, prompt: Float[Tensor, "length hidden"], passages: Sequence[Passage]
) -> list[Float[Tensor, "tokens 3"]]:
    pair, objective = problem.pair, problem.objective
    rest = at_rest(pair, passages) if objective.anchor else None
    base, finetuned = (
        torch.cat(states(side, prompt, passages)) for side in (pair.base, pair.finetuned)
    )
    ids = [token for one in passages for token in one.ids[one.start :]]
    came = torch.tensor(ids, device=pair.base.device)
    kept: list[Float[Tensor, "tokens 3"]] = []

    def keep(
        log_p: Float[Tensor, "chunk vocabulary"],
        log_q: Float[Tensor, "chunk vocabulary"],
        places: slice,
    ) -> Float[Tensor, " chunk"]:
        moved = None if rest is None else rest.moved(log_q, places)
        divergence = objective.plain(log_p, log_q, came[places])
        whole = objective(log_p, log_q, came[places], moved)
        away = torch.zeros_like(whole) if moved is None else moved
        kept.append(torch.stack([divergence, away, whole], dim=1).cpu())
        return whole

    pair_loss(pair, base, finetuned, keep, chunk=problem.config.chunk)
    return kept
