"""Steps of gradient ascent on a soft prompt."""

import math
from collections.abc import Sequence
from dataclasses import asdict

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from diffkit import Checkpoint
from diffkit_plugins.soft_prompt_kl.gradient import gradient
from diffkit_plugins.soft_prompt_kl.mean import Mean
from diffkit_plugins.soft_prompt_kl.passages import Passage
from diffkit_plugins.soft_prompt_kl.problem import Problem
from diffkit_plugins.soft_prompt_kl.prompt import bounded
from diffkit_plugins.soft_prompt_kl.schedule import share_of_peak
from diffkit_plugins.soft_prompt_kl.sound import refuse_gradient


class Ascent:
    """A soft prompt under way: Adam, its schedule, the loss scale and the bounds.

    Args:
        problem: what is climbed.
        prompt: where it starts; it is brought within the bound on norms.
        step: steps taken before, with other prompts.
    """

    def __init__(
        self, problem: Problem, prompt: Float[Tensor, "length hidden"], step: int = 0
    ) -> None:
        config, vocabulary = problem.config, problem.vocabulary
        self.problem = problem
        self.step = step
        self.limit = vocabulary.limit(config.norm_quantile)
        self.prompt = bounded(prompt.detach(), self.limit).clone().requires_grad_()
        self.rate = config.rate * vocabulary.deviation
        self.adam = torch.optim.Adam([self.prompt], lr=self.rate)
        self.scaler = torch.amp.GradScaler(
            self.prompt.device.type, enabled=config.precision == "float16"
        )
        self.norms = Mean()
        self.objective = Mean()
        """Of the tokens read since it was last taken."""

    def advance(self, passages: Sequence[Passage]) -> None:
        """Takes a step; where there is nothing to read, only the schedule goes on."""
        config = self.problem.config
        share = share_of_peak(self.step, config.steps, config.warmup)
        self.adam.param_groups[0]["lr"] = self.rate * share
        self.step += 1
        if passages:
            self._climb(passages)

    def state(self) -> Checkpoint:
        """All that the next steps depend on besides the problem."""
        adam = {f"adam/{name}": value for name, value in self.adam.state[self.prompt].items()}
        means = {"norms": asdict(self.norms), "objective": asdict(self.objective)}
        return Checkpoint(
            {"prompt": self.prompt.detach(), **adam},
            {"step": self.step, "scaler": self.scaler.state_dict(), **means},
        )

    @classmethod
    def of(cls, problem: Problem, saved: Checkpoint) -> "Ascent":
        """Goes on where `state` was taken."""
        ascent = cls(problem, saved.tensors["prompt"], saved.state["step"])
        adam = {
            name.removeprefix("adam/"): value
            for name, value in saved.tensors.items()
            if name.startswith("adam/")
        }
        ascent.adam.state[ascent.prompt].update(adam)
        with torch.no_grad():
            ascent.prompt.copy_(saved.tensors["prompt"])  # as it was, to the last bit
        ascent.scaler.load_state_dict(saved.state["scaler"])
        ascent.norms = Mean(**saved.state["norms"])
        ascent.objective = Mean(**saved.state["objective"])
        return ascent

    def _climb(self, passages: Sequence[Passage]) -> None:
        found = gradient(self.problem, self.prompt.detach(), passages, self.scaler.scale)
        self.objective.add(found.total, found.count)
        self.prompt.grad = found.gradient
        self.scaler.unscale_(self.adam)
        norm = float(self.prompt.grad.norm())
        if not math.isfinite(norm):  # the loss scale was too large: the step is left out
            refuse_gradient(self.problem.config, self.problem.pair, self.step)
        else:
            self.norms.add(norm)
            clip_grad_norm_([self.prompt], self.problem.config.clip * self.norms.value)
            self.scaler.step(self.adam)
            with torch.no_grad():
                self.prompt.copy_(bounded(self.prompt, self.limit))
        self.scaler.update()
