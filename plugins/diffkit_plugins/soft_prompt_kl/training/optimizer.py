"""Steps of gradient ascent on a soft prompt.

Takes passages. Gives the gradient of the objective through both sides, and updates the prompt with
Adam within the bound on norms.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from diffkit import Checkpoint, pair_loss, paired_gradient
from diffkit.analysis import warmup_cosine
from diffkit_plugins.soft_prompt_kl.data import Passage
from diffkit_plugins.soft_prompt_kl.prediction import prompted_passages
from diffkit_plugins.soft_prompt_kl.soft_prompt import limit_norms
from diffkit_plugins.soft_prompt_kl.training.objective import (
    BasePredictions,
    PromptObjective,
    PromptTask,
    base_predictions,
    refuse_gradient,
)


@dataclass
class RunningMean:
    """The sum and the number of values."""

    total: float = 0.0
    count: int = 0

    @property
    def value(self) -> float:
        """The mean; 0 if there are no values."""
        return self.total / self.count if self.count else 0.0

    def add(self, total: float, count: int = 1) -> None:
        """Adds one value, or a sum of several."""
        self.total += total
        self.count += count

    def take(self) -> float:
        """The mean; the sum and the number are then reset."""
        value = self.value
        self.total, self.count = 0.0, 0
        return value


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
    """The positions in a padded batch of the predictions that count."""

    keep: slice
    """The columns that hold any."""
    mask: Bool[Tensor, "batch kept"]
    targets: Int[Tensor, " counted"]
    """The tokens that were to be predicted, row by row."""


def prompt_gradient(
    task: PromptTask,
    prompt: Float[Tensor, "length hidden"],
    passages: Sequence[Passage],
    scale: Callable[[Tensor], Tensor],
) -> PromptGradient:
    """Reads passages a few at a time and adds up their gradients.

    Args:
        task: both sides, what is raised, how many are read at a time, and in what format.
        prompt: the soft prompt.
        passages: one step's; in each a token counts.
        scale: multiplies the loss, against underflow in float16.
    """
    count = sum(len(one.ids) - one.start for one in passages)
    summed, total = torch.zeros_like(prompt), 0.0
    size = task.config.micro_batch
    for start in range(0, len(passages), size):
        batch = passages[start : start + size]
        part = _of_batch(task, prompt, batch, lambda loss: scale(loss / count))
        summed, total = summed + part.gradient, total + part.total
    return PromptGradient(summed, total, count)


def _of_batch(
    task: PromptTask,
    prompt: Float[Tensor, "length hidden"],
    passages: Sequence[Passage],
    scale: Callable[[Tensor], Tensor],
) -> PromptGradient:
    pair = task.pair
    # the base last, as it reads next: a shared network is switched less often
    finetuned, base = (
        prompted_passages(side, prompt, passages) for side in (pair.finetuned, pair.base)
    )
    assert base.embeds is not None  # noqa: S101 - it is given where a prompt is
    counted = _counted(passages, len(prompt), base.mask)
    reference = base_predictions(pair, passages) if task.objective.anchor else None
    total = 0.0

    def loss(
        read_base: Float[Tensor, "batch kept hidden"],
        read_finetuned: Float[Tensor, "batch kept hidden"],
    ) -> Float[Tensor, ""]:
        nonlocal total
        rows = (read_base[counted.mask], read_finetuned[counted.mask.to(read_finetuned.device)])
        lost = _lost(task.objective, counted.targets, reference)
        fused = pair_loss(pair, *rows, lost, chunk=task.config.chunk)
        total = -float(fused.values.double().sum())
        return scale(fused.total)

    with _products(task):
        both = paired_gradient(
            pair,
            base.embeds,
            finetuned.embeds,
            base.mask,
            loss,
            keep=counted.keep,
            read="states",
            scaled=task.config.precision == "float16",
        )
    at_prompt = (at[:, : len(prompt)].float().sum(dim=0) for at in (both.base, both.finetuned))
    summed = sum((at.to(prompt.device) for at in at_prompt), torch.zeros_like(prompt))
    return PromptGradient(summed.detach(), total, len(counted.targets))


def _lost(
    objective: PromptObjective, targets: Int[Tensor, " counted"], reference: BasePredictions | None
) -> Callable[[Tensor, Tensor, slice], Tensor]:
    def lost(
        log_p: Float[Tensor, "chunk vocabulary"],
        log_q: Float[Tensor, "chunk vocabulary"],
        places: slice,
    ) -> Float[Tensor, " chunk"]:
        base_kl = None if reference is None else reference.base_kl(log_q, places)
        return -objective(log_p, log_q, targets[places], base_kl)

    return lost


def _counted(passages: Sequence[Passage], length: int, mask: Bool[Tensor, "batch seq"]) -> _Counted:
    """A token's prediction is one position before the token."""
    first = torch.tensor([length + one.start - 1 for one in passages])
    last = torch.tensor([length + len(one.ids) - 1 for one in passages])
    keep = slice(int(first.min()), int(last.max()))
    places = torch.arange(keep.start, keep.stop)
    within = (places >= first[:, None]) & (places < last[:, None])
    targets = torch.tensor([token for one in passages for token in one.ids[one.start :]])
    return _Counted(keep, within.to(mask.device), targets.to(mask.device))


def _products(task: PromptTask) -> torch.autocast:
    """Computes matrix products in another format, where one is asked for."""
    precision = task.config.precision
    mixed = precision != "loaded"
    dtype = getattr(torch, precision) if mixed else torch.bfloat16
    return torch.autocast(task.pair.base.device.type, dtype=dtype, enabled=mixed)


class PromptOptimizer:
    """A soft prompt under way: Adam, its schedule, the loss scale and the bounds.

    Args:
        task: what is climbed.
        prompt: where it starts; it is brought within the bound on norms.
        step: steps taken before, with other prompts.
    """

    def __init__(
        self, task: PromptTask, prompt: Float[Tensor, "length hidden"], step: int = 0
    ) -> None:
        config, vocabulary = task.config, task.vocabulary
        self.task = task
        self.step = step
        self.limit = vocabulary.limit(config.norm_quantile)
        self.prompt = limit_norms(prompt.detach(), self.limit).clone().requires_grad_()
        self.rate = config.rate * vocabulary.deviation
        self.adam = torch.optim.Adam([self.prompt], lr=self.rate)
        self.scaler = torch.amp.GradScaler(
            self.prompt.device.type, enabled=config.precision == "float16"
        )
        self.norms = RunningMean()
        self.objective = RunningMean()
        """Of the tokens read since it was last taken."""

    def advance(self, passages: Sequence[Passage]) -> None:
        """Takes a step; without passages, only the schedule advances."""
        config = self.task.config
        share = warmup_cosine(self.step, config.steps, config.warmup)
        self.adam.param_groups[0]["lr"] = self.rate * share
        self.step += 1
        if passages:
            self._step(passages)

    def state(self) -> Checkpoint:
        """All that the next steps depend on besides the problem."""
        adam = {f"adam/{name}": value for name, value in self.adam.state[self.prompt].items()}
        means = {"norms": asdict(self.norms), "objective": asdict(self.objective)}
        return Checkpoint(
            {"prompt": self.prompt.detach(), **adam},
            {"step": self.step, "scaler": self.scaler.state_dict(), **means},
        )

    @classmethod
    def of(cls, task: PromptTask, saved: Checkpoint) -> "PromptOptimizer":
        """Continues from a checkpoint."""
        optimizer = cls(task, saved.tensors["prompt"], saved.state["step"])
        adam = {
            name.removeprefix("adam/"): value
            for name, value in saved.tensors.items()
            if name.startswith("adam/")
        }
        optimizer.adam.state[optimizer.prompt].update(adam)
        with torch.no_grad():
            optimizer.prompt.copy_(saved.tensors["prompt"])  # as it was, to the last bit
        optimizer.scaler.load_state_dict(saved.state["scaler"])
        optimizer.norms = RunningMean(**saved.state["norms"])
        optimizer.objective = RunningMean(**saved.state["objective"])
        return optimizer

    def _step(self, passages: Sequence[Passage]) -> None:
        found = prompt_gradient(self.task, self.prompt.detach(), passages, self.scaler.scale)
        self.objective.add(found.total, found.count)
        self.prompt.grad = found.gradient
        self.scaler.unscale_(self.adam)
        norm = float(self.prompt.grad.norm())
        if not math.isfinite(norm):  # the loss scale was too large: the step is left out
            refuse_gradient(self.task.config, self.task.pair, self.step)
        else:
            self.norms.add(norm)
            clip_grad_norm_([self.prompt], self.task.config.clip * self.norms.value)
            self.scaler.step(self.adam)
            with torch.no_grad():
                self.prompt.copy_(limit_norms(self.prompt, self.limit))
        self.scaler.update()
