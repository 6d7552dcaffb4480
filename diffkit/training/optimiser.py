"""AdamW with its learning-rate schedule; its state can be saved as named tensors and restored."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from diffkit.training.recipe import Recipe


def learning_rate(step: int, *, peak: float, warmup: int, steps: int) -> float:
    """The learning rate of ``step`` (from 0): linear warm-up, then half a cosine down to 0."""
    if step < warmup:
        return peak * (step + 1) / warmup
    share = (step - warmup) / max(1, steps - warmup)
    return peak * 0.5 * (1.0 + math.cos(math.pi * share))


MAX_GRADIENT_NORM = 1.0
"""Greatest norm of the gradient."""


@dataclass(frozen=True)
class AdamWState:
    """The trained parameters of a network, and AdamW over them."""

    parameters: Mapping[str, nn.Parameter]
    """Trained parameters by name."""
    adam: torch.optim.AdamW
    """The optimiser."""
    recipe: Recipe
    """Learning rate, warm-up and steps."""

    @classmethod
    def of(cls, network: nn.Module, recipe: Recipe) -> "AdamWState":
        """AdamW over the parameters of ``network`` that require gradients."""
        trained = {n: p for n, p in network.named_parameters() if p.requires_grad}
        matrices = [p for p in trained.values() if p.ndim >= 2]
        vectors = [p for p in trained.values() if p.ndim < 2]
        groups: list[dict[str, Any]] = [
            {"params": matrices, "weight_decay": recipe.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        kept = [group for group in groups if group["params"]]
        return cls(trained, torch.optim.AdamW(kept, recipe.learning_rate), recipe)

    def step(self, step: int) -> None:
        """Clips the gradient, takes a step at the rate of ``step``, and drops the gradient."""
        recipe = self.recipe
        rate = learning_rate(
            step, peak=recipe.learning_rate, warmup=recipe.warmup, steps=recipe.steps
        )
        for group in self.adam.param_groups:
            group["lr"] = rate
        nn.utils.clip_grad_norm_(self.parameters.values(), MAX_GRADIENT_NORM)
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, Tensor]:
        """Parameters and moments by name."""
        out: dict[str, Tensor] = {}
        for name, parameter in self.parameters.items():
            out[f"parameter:{name}"] = parameter.detach()
            for key, value in self.adam.state[parameter].items():
                out[f"{key}:{name}"] = value
        return out

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Puts back what `tensors` gave."""
        for key, value in tensors.items():
            kind, name = key.split(":", 1)
            parameter = self.parameters[name]
            if kind == "parameter":
                parameter.copy_(value)
            else:  # AdamW keeps its step count on the CPU
                place = "cpu" if kind == "step" else parameter.device
                self.adam.state[parameter][kind] = value.to(place)
