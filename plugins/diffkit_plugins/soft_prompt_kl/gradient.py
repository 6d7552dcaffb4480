"""The gradient of the objective at the soft prompt, through both sides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit import pair_loss, paired_gradient
from diffkit_plugins.soft_prompt_kl.anchor import Rest, at_rest
from diffkit_plugins.soft_prompt_kl.joined import joined
from diffkit_plugins.soft_prompt_kl.loss import Objective
from diffkit_plugins.soft_prompt_kl.passages import Passage
from diffkit_plugins.soft_prompt_kl.problem import Problem


@dataclass(frozen=True)
class PromptGradient:
    """A step's objective, and the gradient of minus its mean."""

    gradient: Float[Tensor, "length hidden"]
    """Float32, on the prompt's device; times the loss scale."""
    total: float
    """Sum of the objective over the tokens that count, in nats."""
    count: int
    """How many tokens count."""


@dataclass(frozen=True)
class _Counted:
    """Where in a padded batch the predictions stand that count."""

    keep: slice
    """The columns that hold any."""
    mask: Bool[Tensor, "batch kept"]
    came: Int[Tensor, " counted"]
    """The tokens that were to be predicted, row by row."""


def gradient(
    problem: Problem,
    prompt: Float[Tensor, "length hidden"],
    passages: Sequence[Passage],
    scale: Callable[[Tensor], Tensor],
) -> PromptGradient:
    """Reads passages a few at a time and adds up their gradients.

    Args:
        problem: both sides, what is raised, how many are read at a time, and in what format.
        prompt: the soft prompt.
        passages: one step's; in each a token counts.
        scale: multiplies the loss, against underflow in float16.
    """
    count = sum(len(one.ids) - one.start for one in passages)
    summed, total = torch.zeros_like(prompt), 0.0
    size = problem.config.micro_batch
    for start in range(0, len(passages), size):
        batch = passages[start : start + size]
        part = _of_batch(problem, prompt, batch, lambda loss: scale(loss / count))
        summed, total = summed + part.gradient, total + part.total
    return PromptGradient(summed, total, count)


def _of_batch(
    problem: Problem,
    prompt: Float[Tensor, "length hidden"],
    passages: Sequence[Passage],
    scale: Callable[[Tensor], Tensor],
) -> PromptGradient:
    pair = problem.pair
    # the base last, as it reads next: a shared network is switched less often
    finetuned, base = (joined(side, prompt, passages) for side in (pair.finetuned, pair.base))
    assert base.embeds is not None  # noqa: S101 - it is given where a prompt is
    counted = _counted(passages, len(prompt), base.mask)
    rest = at_rest(pair, passages) if problem.objective.anchor else None
    total = 0.0

    def loss(
        read_base: Float[Tensor, "batch kept hidden"],
        read_finetuned: Float[Tensor, "batch kept hidden"],
    ) -> Float[Tensor, ""]:
        nonlocal total
        rows = (read_base[counted.mask], read_finetuned[counted.mask.to(read_finetuned.device)])
        lost = _lost(problem.objective, counted.came, rest)
        fused = pair_loss(pair, *rows, lost, chunk=problem.config.chunk)
        total = -float(fused.values.double().sum())
        return scale(fused.total)

    with _products(problem):
        both = paired_gradient(
            pair, base.embeds, finetuned.embeds, base.mask, loss, keep=counted.keep, read="states"
        )
    at_prompt = (at[:, : len(prompt)].float().sum(dim=0) for at in (both.base, both.finetuned))
    summed = sum((at.to(prompt.device) for at in at_prompt), torch.zeros_like(prompt))
    return PromptGradient(summed.detach(), total, len(counted.came))


def _lost(
    objective: Objective, came: Int[Tensor, " counted"], rest: Rest | None
) -> Callable[[Tensor, Tensor, slice], Tensor]:
    def lost(
        log_p: Float[Tensor, "chunk vocabulary"],
        log_q: Float[Tensor, "chunk vocabulary"],
        places: slice,
    ) -> Float[Tensor, " chunk"]:
        moved = None if rest is None else rest.moved(log_q, places)
        return -objective(log_p, log_q, came[places], moved)

    return lost


def _counted(passages: Sequence[Passage], length: int, mask: Bool[Tensor, "batch seq"]) -> _Counted:
    """A token's prediction stands one place before it."""
    first = torch.tensor([length + one.start - 1 for one in passages])
    last = torch.tensor([length + len(one.ids) - 1 for one in passages])
    keep = slice(int(first.min()), int(last.max()))
    places = torch.arange(keep.start, keep.stop)
    within = (places >= first[:, None]) & (places < last[:, None])
    came = torch.tensor([token for one in passages for token in one.ids[one.start :]])
    return _Counted(keep, within.to(mask.device), came.to(mask.device))


def _products(problem: Problem) -> torch.autocast:
    """Computes matrix products in another format, where one is asked for."""
    precision = problem.config.precision
    mixed = precision != "loaded"
    dtype = getattr(torch, precision) if mixed else torch.bfloat16
    return torch.autocast(problem.pair.base.device.type, dtype=dtype, enabled=mixed)
