"""The targets of each experiment."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from diffkit_plugins.reachability_study.config import Experiment
from diffkit_plugins.reachability_study.outcome import Condition
from diffkit_plugins.reachability_study.presets import Settings
from diffkit_plugins.reachability_study.reference import Reference
from diffkit_plugins.reachability_study.targets import Corruption, matched, mixed, pairs, raw

_SEEDS = {"2a": 1, "2b": 2, "3": 3, "4": 4}
_BASIC: dict[Experiment, str] = {"1": "real", "2a": "matched", "2b": "raw"}

Streams = Float[Tensor, "targets length hidden"]


@dataclass(frozen=True)
class Task:
    """The targets of an experiment, and the map that is to lead to them."""

    conditions: tuple[Condition, ...]
    targets: Float[Tensor, "conditions targets length hidden"]
    reference: Reference
    restarts: int

    @classmethod
    def of(
        cls, targets: Sequence[tuple[Condition, Streams]], reference: Reference, restarts: int
    ) -> "Task":
        """Of each condition and its targets, equally many in all."""
        conditions = tuple(condition for condition, _ in targets)
        return cls(conditions, torch.stack([each for _, each in targets]), reference, restarts)


def task(
    experiment: Experiment, whole: Reference, bare: Reference, settings: Settings, seed: int
) -> Task:
    """The task of one experiment, which depends on nothing but the arguments.

    Args:
        experiment: which.
        whole: the model as it is.
        bare: the model without its FFNs, which only ``ffn`` reads.
        settings: how many targets, and where.
        seed: of the run.
    """
    if experiment == "3":
        return _mixtures(whole, settings, seed)
    if experiment == "4":
        return _corruptions(whole, settings, seed)
    if experiment == "ffn":
        return _without_ffns(whole, bare, settings, seed)
    condition = Condition(_BASIC[experiment], experiment)
    targets = _basic(experiment, whole, settings, seed)
    return Task.of([(condition, targets)], whole, settings.restarts)


def _basic(experiment: Experiment, reference: Reference, settings: Settings, seed: int) -> Streams:
    """Targets of experiments 1, 2a and 2b."""
    count, real = settings.targets, reference.real
    generator = Generator().manual_seed(seed + _SEEDS.get(experiment, 0))
    if experiment == "1":
        return real[:count]
    if experiment == "2a":
        return matched(real, count, generator)
    return raw(reference.norms, count, real.shape[-1], generator)


def _mixtures(whole: Reference, settings: Settings, seed: int) -> Task:
    generator = Generator().manual_seed(seed + _SEEDS["3"])
    chosen = pairs(settings.targets, settings.pairs, generator)
    a, b = (whole.real[[pair[side] for pair in chosen]] for side in (0, 1))
    targets = [(Condition(f"α = {x:g}", "3", x), mixed(a, b, x)) for x in settings.alphas]
    return Task.of(targets, whole, settings.restarts)


def _corruptions(whole: Reference, settings: Settings, seed: int) -> Task:
    generator = Generator().manual_seed(seed + _SEEDS["4"])
    real = whole.real[: min(settings.replaced_targets, settings.targets)]
    corruption = Corruption.draw(whole.real, len(real), generator)
    targets = [
        (Condition(f"f = {x:g}", "4", x), corruption.apply(real, x)) for x in settings.fractions
    ]
    return Task.of(targets, whole, settings.replaced_restarts)


def _without_ffns(whole: Reference, bare: Reference, settings: Settings, seed: int) -> Task:
    """Experiments 1, 2a and 2b of the bare model itself, and the whole model's real targets."""
    targets = [
        (Condition(f"{name}, no FFNs", "ffn"), _basic(kind, bare, settings, seed))
        for kind, name in _BASIC.items()
    ]
    theirs = whole.real[: settings.targets]
    targets.append((Condition("whole model's real, no FFNs", "ffn"), theirs))
    return Task.of(targets, bare, settings.restarts)
