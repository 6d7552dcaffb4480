"""Searches prompts within norm budgets for the finetuned residual stream, and for rotations of Δ.

Takes the base model and the differences of one layer. Gives the least relative errors.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Model, RunContext
from diffkit_plugins.residual_reachability.config import ResidualReachabilityConfig
from diffkit_plugins.residual_reachability.residual_deltas import ResidualDeltas, random_rotations
from diffkit_plugins.residual_reachability.solvers import ResidualMap, adam_search


@dataclass(frozen=True)
class ReachErrors:
    """Least relative errors at the positions of one layer."""

    deltas: ResidualDeltas
    real: Float[Tensor, "texts budgets"]
    """E_c(h + Δ)."""
    rotated: Float[Tensor, "texts budgets rotations"]
    """E_c(h + QΔ)."""

    @property
    def typical(self) -> Float[Tensor, "texts budgets"]:
        """Median over rotations of log E_c(h + QΔ)."""
        return self.rotated.log().quantile(0.5, dim=2)

    @property
    def scores(self) -> Float[Tensor, "texts budgets"]:
        """S: negative where prompts reach what finetuning did more easily than rotations of it."""
        return self.real.log() - self.typical


def search_layer(
    model: Model, deltas: ResidualDeltas, config: ResidualReachabilityConfig, context: RunContext
) -> ReachErrors:
    """Searches for prompts that give the base the finetuned residual stream.

    All targets have the same starts and number of steps. The first start is the text's own tokens,
    which reach the base's stream exactly, so that only Δ or QΔ remains.

    Args:
        model: the base.
        deltas: the differences of one layer.
        config: the options.
        context: seed and progress.
    """
    search = _LayerSearch.of(model, deltas, config, context.seed)
    groups = _text_groups(len(deltas.texts), config)
    shown = context.progress(groups, label=f"layer {deltas.layer}", total=len(groups))
    errors = torch.cat([search.errors(texts) for texts in shown])
    return ReachErrors(deltas, errors[..., 0], errors[..., 1:])


def _text_groups(texts: int, config: ResidualReachabilityConfig) -> list[slice]:
    """Groups of texts whose rows fill a batch, so that memory is bounded."""
    rows = len(config.budgets) * (1 + config.rotations) * config.restarts
    size = max(1, config.batch_size // rows)
    return [slice(i, i + size) for i in range(0, texts, size)]


@dataclass(frozen=True)
class _LayerSearch:
    """The searches of one layer."""

    residual_map: ResidualMap
    deltas: ResidualDeltas
    shifts: Float[Tensor, "texts shifts hidden"]
    """Δ, then its rotations."""
    starts: Float[Tensor, "texts restarts length hidden"]
    bounds: Float[Tensor, " budgets"]
    step: float
    config: ResidualReachabilityConfig

    @classmethod
    def of(
        cls, model: Model, deltas: ResidualDeltas, config: ResidualReachabilityConfig, seed: int
    ) -> "_LayerSearch":
        drawn = random_rotations(deltas.deltas, deltas.stream, config.rotations, seed)
        vocabulary = model.embed(torch.arange(model.vocabulary)[None])[0].float()
        unit = float(np.quantile(vocabulary.norm(dim=1).cpu().numpy(), 0.95))
        return cls(
            residual_map=model.embedding_to_residual(deltas.layer),
            deltas=deltas,
            shifts=torch.cat([deltas.deltas[:, None], drawn], dim=1),
            starts=vocabulary[_start_tokens(deltas, config.restarts, len(vocabulary), seed)],
            bounds=unit * torch.tensor(config.budgets, device=vocabulary.device),
            step=config.rate * float(deltas.sizes.median()) * float(vocabulary.std()),
            config=config,
        )

    def errors(self, texts: slice) -> Float[Tensor, "texts budgets shifts"]:
        """The least relative errors over restarts, for some of the texts."""
        mask, starts = self.deltas.mask[texts], self.starts[texts]
        shape = (len(mask), len(self.bounds), self.shifts.shape[1], starts.shape[1])
        goals = self.deltas.base[texts][:, None] + self.shifts[texts]
        targets = mask[:, None, :, None] * goals[:, :, None]
        result = adam_search(
            self.residual_map,
            _rows(targets[:, None, :, None], shape),
            _rows(starts[:, None, None], shape),
            steps=self.config.steps,
            lr=self.step,
            bound=_rows(self.bounds[None, :, None, None], shape),
            positions=_rows(mask[:, None, None, None], shape),
            batch_size=self.config.batch_size,
        )
        return result.errors.reshape(shape).amin(dim=3).cpu()


def _rows(values: Tensor, shape: tuple[int, int, int, int]) -> Tensor:
    """Flattens texts, budgets, shifts and restarts into rows."""
    return values.expand(*shape, *values.shape[4:]).flatten(0, 3)


def _start_tokens(
    deltas: ResidualDeltas, restarts: int, vocabulary: int, seed: int
) -> Int[Tensor, "texts restarts length"]:
    """The tokens that searches start from: those of the text, then random ones."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(deltas.ids), restarts, deltas.ids.shape[1])
    tokens = torch.randint(vocabulary, shape, generator=generator).to(deltas.ids.device)
    tokens[:, 0] = deltas.ids
    return tokens
