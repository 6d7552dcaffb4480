"""How near prompts within a norm budget come to what finetuning did, and to rotations of it."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Model, RunContext
from diffkit_plugins.residual_reachability.config import ResidualReachabilityConfig
from diffkit_plugins.residual_reachability.residual_deltas import ResidualDeltas, random_rotations
from diffkit_plugins.residual_reachability.solvers.adam import adam_search
from diffkit_plugins.residual_reachability.solvers.objective import ResidualMap


@dataclass(frozen=True)
class ReachErrors:
    """Least relative errors in the places of one layer."""

    places: ResidualDeltas
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
    model: Model, places: ResidualDeltas, config: ResidualReachabilityConfig, context: RunContext
) -> ReachErrors:
    """Searches for prompts that put the base's stream where the finetuned one's is.

    Every target has the same starts and steps. The first start is the text's own tokens, which
    reach the base's stream exactly: what is left to do is Δ or QΔ alone.

    Args:
        model: the base.
        places: what is to be reached.
        config: the options.
        context: seed and progress.
    """
    job = _Search.of(model, places, config, context.seed)
    groups = _text_groups(len(places.texts), config)
    shown = context.progress(groups, label=f"layer {places.layer}", total=len(groups))
    errors = torch.cat([job.errors(texts) for texts in shown])
    return ReachErrors(places, errors[..., 0], errors[..., 1:])


def _text_groups(texts: int, config: ResidualReachabilityConfig) -> list[slice]:
    """Texts whose rows fill a batch, so that memory does not grow with the number of texts."""
    rows = len(config.budgets) * (1 + config.rotations) * config.restarts
    size = max(1, config.batch_size // rows)
    return [slice(i, i + size) for i in range(0, texts, size)]


@dataclass(frozen=True)
class _Search:
    """What the searches of one layer share."""

    trunk: ResidualMap
    places: ResidualDeltas
    shifts: Float[Tensor, "texts shifts hidden"]
    """Δ first, then its rotations."""
    starts: Float[Tensor, "texts restarts length hidden"]
    bounds: Float[Tensor, " budgets"]
    step: float
    config: ResidualReachabilityConfig

    @classmethod
    def of(
        cls, model: Model, places: ResidualDeltas, config: ResidualReachabilityConfig, seed: int
    ) -> "_Search":
        drawn = random_rotations(places.deltas, places.stream, config.rotations, seed)
        vocabulary = model.embed(torch.arange(model.vocabulary)[None])[0].float()
        unit = float(np.quantile(vocabulary.norm(dim=1).cpu().numpy(), 0.95))
        return cls(
            trunk=model.embedding_to_residual(places.layer),
            places=places,
            shifts=torch.cat([places.deltas[:, None], drawn], dim=1),
            starts=vocabulary[_start_tokens(places, config.restarts, len(vocabulary), seed)],
            bounds=unit * torch.tensor(config.budgets, device=vocabulary.device),
            step=config.rate * float(places.sizes.median()) * float(vocabulary.std()),
            config=config,
        )

    def errors(self, texts: slice) -> Float[Tensor, "texts budgets shifts"]:
        """Least relative errors over restarts, for some of the texts."""
        mask, starts = self.places.mask[texts], self.starts[texts]
        shape = (len(mask), len(self.bounds), self.shifts.shape[1], starts.shape[1])
        goals = self.places.base[texts][:, None] + self.shifts[texts]
        targets = mask[:, None, :, None] * goals[:, :, None]
        reached = adam_search(
            self.trunk,
            _rows(targets[:, None, :, None], shape),
            _rows(starts[:, None, None], shape),
            steps=self.config.steps,
            lr=self.step,
            bound=_rows(self.bounds[None, :, None, None], shape),
            positions=_rows(mask[:, None, None, None], shape),
            batch_size=self.config.batch_size,
        )
        return reached.errors.reshape(shape).amin(dim=3).cpu()


def _rows(values: Tensor, shape: tuple[int, int, int, int]) -> Tensor:
    """Texts, budgets, shifts and restarts in one row after another."""
    return values.expand(*shape, *values.shape[4:]).flatten(0, 3)


def _start_tokens(
    places: ResidualDeltas, restarts: int, vocabulary: int, seed: int
) -> Int[Tensor, "texts restarts length"]:
    """Tokens that searches start at: the text's own, then random ones."""
    chance = torch.Generator().manual_seed(seed)
    shape = (len(places.ids), restarts, places.ids.shape[1])
    tokens = torch.randint(vocabulary, shape, generator=chance).to(places.ids.device)
    tokens[:, 0] = places.ids
    return tokens
