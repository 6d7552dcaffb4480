"""Held-out evaluations of a soft prompt during its training, and what a training leaves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import pair_loss
from diffkit.analysis import batches_by_length
from diffkit_plugins.soft_prompt_kl.data import Passage
from diffkit_plugins.soft_prompt_kl.prediction import states
from diffkit_plugins.soft_prompt_kl.training.objective import PromptTask, base_predictions


@dataclass(frozen=True)
class PoolMeans:
    """Means per token, in nats."""

    divergence: float
    """Clipped."""
    base_kl: float
    """KL of the base under the prompt from the base without it; 0 where it costs nothing."""
    objective: float
    """What training raises."""


@torch.no_grad()
def pool_means(
    task: PromptTask,
    prompt: Float[Tensor, "length hidden"],
    pools: Sequence[Sequence[Passage]],
) -> PoolMeans:
    """Means of each pool, and then of the pools; 0 where all are empty."""
    means = [
        torch.cat(list(_values(task, prompt, pool))).double().mean(dim=0) for pool in pools if pool
    ]
    return (
        PoolMeans(*torch.stack(means).mean(dim=0).tolist()) if means else PoolMeans(0.0, 0.0, 0.0)
    )


def _values(
    task: PromptTask, prompt: Float[Tensor, "length hidden"], pool: Sequence[Passage]
) -> Iterator[Float[Tensor, "tokens 3"]]:
    for indices in batches_by_length([len(one.ids) for one in pool], task.config.micro_batch):
        yield from _of_batch(task, prompt, [pool[index] for index in indices])


def _of_batch(
    task: PromptTask, prompt: Float[Tensor, "length hidden"], passages: Sequence[Passage]
) -> list[Float[Tensor, "tokens 3"]]:
    pair, objective = task.pair, task.objective
    reference = base_predictions(pair, passages) if objective.anchor else None
    base, finetuned = (
        torch.cat(states(side, prompt, passages)) for side in (pair.base, pair.finetuned)
    )
    ids = [token for one in passages for token in one.ids[one.start :]]
    targets = torch.tensor(ids, device=pair.base.device)
    kept: list[Float[Tensor, "tokens 3"]] = []

    def keep(
        log_p: Float[Tensor, "chunk vocabulary"],
        log_q: Float[Tensor, "chunk vocabulary"],
        places: slice,
    ) -> Float[Tensor, " chunk"]:
        base_kl = None if reference is None else reference.base_kl(log_q, places)
        divergence = objective.plain(log_p, log_q, targets[places])
        whole = objective(log_p, log_q, targets[places], base_kl)
        away = torch.zeros_like(whole) if base_kl is None else base_kl
        kept.append(torch.stack([divergence, away, whole], dim=1).cpu())
        return whole

    pair_loss(pair, base, finetuned, keep, chunk=task.config.chunk)
    return kept


@dataclass(frozen=True)
class HeldOutEvaluation:
    """A held-out evaluation in the middle of a training."""

    step: int
    """Steps taken before it; 0 is the start."""
    divergence: float
    """Held-out mean divergence per token, clipped, in nats."""
    base_kl: float
    """KL of the base under the prompt from the base without it, on the same, in nats per token."""
    score: float
    """Held-out divergence less what it costs to move the base: what prompts are compared by."""
    training: float
    """Mean of the training objective since the evaluation before, in nats per token."""
    norm: float
    """Mean norm of the soft tokens, in the vocabulary's median norm."""
    length: int
    """Soft tokens."""


@dataclass(frozen=True)
class PromptTraining:
    """One training from one start."""

    best: Float[Tensor, "length hidden"]
    """The prompt with the largest held-out score, float32."""
    last: Float[Tensor, "lengthened hidden"]
    """The prompt after the last step."""
    history: tuple[HeldOutEvaluation, ...]
    stopped: str
    """Why it ended: ``steps`` or ``patience``."""

    @property
    def score(self) -> float:
        """The largest held-out score."""
        return max(one.score for one in self.history)


@dataclass(frozen=True)
class TrainedPrompts:
    """All trainings of a pair."""

    trainings: tuple[PromptTraining, ...]

    @property
    def best(self) -> PromptTraining:
        """The one with the largest held-out score, the first of equals."""
        return max(self.trainings, key=lambda training: training.score)


def evaluations_without_gain(history: Sequence[HeldOutEvaluation]) -> int:
    """Evaluations in a row, at the current length, none of which was the best so far.

    The first at a length is of a prompt whose last token no step was taken with: it counts not.
    """
    scores = [one.score for one in history]
    best = scores.index(max(scores))
    current = [one.length for one in history].index(history[-1].length)
    return len(history) - 1 - max(best, current)
