"""The residual streams that each experiment searches prompts for.

Takes real streams. Gives real, random, interpolated and corrupted targets by experiment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from diffkit_plugins.reachability_study.config import Experiment, StudySettings
from diffkit_plugins.reachability_study.outcomes import Condition
from diffkit_plugins.reachability_study.reference import ReferenceActivations

Streams = Float[Tensor, "targets length hidden"]
_SEEDS = {"2a": 1, "2b": 2, "3": 3, "4": 4}
"""What is added to the run's seed in each experiment."""
_BASIC: dict[Experiment, str] = {"1": "real", "2a": "matched", "2b": "raw"}
"""Names of the conditions of the basic experiments."""


def moment_matched(
    real: Float[Tensor, "sequences length hidden"], count: int, generator: Generator
) -> Streams:
    """Draws from N(μᵢ, Σᵢ) at each position i, independently between positions.

    A standard normal combination of the centred sequences, divided by √(n − 1), has exactly the
    sample covariance. No matrix is factored, and fewer sequences than dimensions suffice.

    Args:
        real: the residual streams whose mean and covariance are matched.
        count: number of draws.
        generator: random generator, on the CPU.
    """
    mean = real.mean(dim=0)
    centred = (real - mean) / (len(real) - 1) ** 0.5
    weights = torch.randn(count, real.shape[1], len(real), generator=generator).to(real)
    return mean + torch.einsum("tls,slh->tlh", weights, centred)


def random_directions(
    norms: Float[Tensor, " length"], count: int, hidden: int, generator: Generator
) -> Streams:
    """Uniformly random directions with a given norm at each position."""
    drawn = torch.randn(count, len(norms), hidden, generator=generator).to(norms)
    lengths: Tensor = drawn.norm(dim=-1, keepdim=True)
    return drawn * (norms[:, None] / lengths)


def target_pairs(targets: int, count: int, generator: Generator) -> list[tuple[int, int]]:
    """Random pairs of different targets, disjoint while there are enough."""
    order: list[int] = []
    while len(order) < 2 * count:
        order += torch.randperm(targets, generator=generator).tolist()[: targets // 2 * 2]
    return [(order[2 * pair], order[2 * pair + 1]) for pair in range(count)]


def interpolated(a: Streams, b: Streams, alpha: float) -> Streams:
    """αA + (1 − α)B, which extrapolates for α outside of [0, 1]."""
    return alpha * a + (1 - alpha) * b


@dataclass(frozen=True)
class Corruption:
    """Noise for each target, and the order in which it replaces the target's dimensions.

    All fractions share one draw, which removes noise from a target's curve over fractions. The
    distribution at each fraction is that of independent draws.
    """

    ranks: Int[Tensor, "targets hidden"]
    """Number of dimensions that are replaced before this one; the same at all positions."""
    noise: Streams
    """N(0, σ), with σ the standard deviation of the dimension in real streams."""

    @classmethod
    def draw(
        cls, real: Float[Tensor, "sequences length hidden"], count: int, generator: Generator
    ) -> "Corruption":
        """Draws the noise of ``count`` targets; σ is over all sequences and positions."""
        _, length, hidden = real.shape
        orders = torch.stack([torch.randperm(hidden, generator=generator) for _ in range(count)])
        noise = torch.randn(count, length, hidden, generator=generator).to(real)
        return cls(orders.to(real.device), noise * real.flatten(0, 1).std(dim=0))

    def apply(self, targets: Streams, fraction: float) -> Streams:
        """Replaces a share ``fraction`` (rounded) of the targets' dimensions."""
        count = round(fraction * targets.shape[-1])
        replaced = self.ranks < count
        return torch.where(replaced[:, None], self.noise, targets)


@dataclass(frozen=True)
class ExperimentTask:
    """The targets of an experiment and the map whose outputs are to reach them."""

    conditions: tuple[Condition, ...]
    targets: Float[Tensor, "conditions targets length hidden"]
    reference: ReferenceActivations
    restarts: int

    @classmethod
    def of(
        cls,
        targets: Sequence[tuple[Condition, Streams]],
        reference: ReferenceActivations,
        restarts: int,
    ) -> "ExperimentTask":
        """Stacks the targets of conditions, of which all have the same number."""
        conditions = tuple(condition for condition, _ in targets)
        return cls(conditions, torch.stack([each for _, each in targets]), reference, restarts)


def experiment_task(
    experiment: Experiment,
    full: ReferenceActivations,
    without_ffns: ReferenceActivations,
    settings: StudySettings,
    seed: int,
) -> ExperimentTask:
    """The task of one experiment, a function of the arguments alone.

    Args:
        experiment: the experiment.
        full: activations of the full model.
        without_ffns: activations of the model without its FFNs, which only ``ffn`` uses.
        settings: numbers of targets, and their position.
        seed: seed of the run.
    """
    if experiment == "3":
        return _interpolation_task(full, settings, seed)
    if experiment == "4":
        return _corruption_task(full, settings, seed)
    if experiment == "ffn":
        return _without_ffns_task(full, without_ffns, settings, seed)
    condition = Condition(_BASIC[experiment], experiment)
    targets = _basic_targets(experiment, full, settings, seed)
    return ExperimentTask.of([(condition, targets)], full, settings.restarts)


def _basic_targets(
    experiment: Experiment, reference: ReferenceActivations, settings: StudySettings, seed: int
) -> Streams:
    """The targets of experiments 1, 2a and 2b."""
    count, real = settings.targets, reference.real
    generator = Generator().manual_seed(seed + _SEEDS.get(experiment, 0))
    if experiment == "1":
        return real[:count]
    if experiment == "2a":
        return moment_matched(real, count, generator)
    return random_directions(reference.norms, count, real.shape[-1], generator)


def _interpolation_task(
    full: ReferenceActivations, settings: StudySettings, seed: int
) -> ExperimentTask:
    generator = Generator().manual_seed(seed + _SEEDS["3"])
    chosen = target_pairs(settings.targets, settings.pairs, generator)
    a, b = (full.real[[pair[side] for pair in chosen]] for side in (0, 1))
    targets = [(Condition(f"α = {x:g}", "3", x), interpolated(a, b, x)) for x in settings.alphas]
    return ExperimentTask.of(targets, full, settings.restarts)


def _corruption_task(
    full: ReferenceActivations, settings: StudySettings, seed: int
) -> ExperimentTask:
    generator = Generator().manual_seed(seed + _SEEDS["4"])
    real = full.real[: min(settings.replaced_targets, settings.targets)]
    corruption = Corruption.draw(full.real, len(real), generator)
    targets = [
        (Condition(f"f = {x:g}", "4", x), corruption.apply(real, x)) for x in settings.fractions
    ]
    return ExperimentTask.of(targets, full, settings.replaced_restarts)


def _without_ffns_task(
    full: ReferenceActivations,
    without_ffns: ReferenceActivations,
    settings: StudySettings,
    seed: int,
) -> ExperimentTask:
    """Experiments 1, 2a and 2b of the model without FFNs, and the full model's real targets."""
    targets = [
        (Condition(f"{name}, no FFNs", "ffn"), _basic_targets(kind, without_ffns, settings, seed))
        for kind, name in _BASIC.items()
    ]
    real = full.real[: settings.targets]
    targets.append((Condition("whole model's real, no FFNs", "ffn"), real))
    return ExperimentTask.of(targets, without_ffns, settings.restarts)
