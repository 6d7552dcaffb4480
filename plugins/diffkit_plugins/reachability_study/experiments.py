"""The targets of each experiment."""

from collections.abc import Iterator
from dataclasses import dataclass

from jaxtyping import Float
from torch import Generator, Tensor

from diffkit_plugins.reachability_study.config import Experiment
from diffkit_plugins.reachability_study.outcome import Condition
from diffkit_plugins.reachability_study.presets import Settings
from diffkit_plugins.reachability_study.reference import Reference
from diffkit_plugins.reachability_study.targets import Corruption, matched, mixed, pairs, raw

_SEEDS = {"2a": 1, "2b": 2, "3": 3, "4": 4}


@dataclass(frozen=True)
class Task:
    """Targets of one condition, and the map that is to lead to them."""

    condition: Condition
    targets: Float[Tensor, "targets length hidden"]
    reference: Reference
    restarts: int


def tasks(
    experiment: Experiment, whole: Reference, bare: Reference, settings: Settings, seed: int
) -> Iterator[Task]:
    """The tasks of one experiment, which depend on nothing but the arguments.

    Args:
        experiment: which.
        whole: the model as it is.
        bare: the model without its FFNs, which only ``ffn`` reads.
        settings: how many targets, and where.
        seed: of the run.
    """
    if experiment == "3":
        yield from _mixtures(whole, settings, seed)
    elif experiment == "4":
        yield from _corruptions(whole, settings, seed)
    elif experiment == "ffn":
        yield from _without_ffns(whole, bare, settings, seed)
    else:
        yield _basic(experiment, whole, settings, seed)


def _basic(experiment: Experiment, reference: Reference, settings: Settings, seed: int) -> Task:
    """Experiments 1, 2a and 2b."""
    count, real = settings.targets, reference.real
    generator = Generator().manual_seed(seed + _SEEDS.get(experiment, 0))
    if experiment == "1":
        name, targets = "real", real[:count]
    elif experiment == "2a":
        name, targets = "matched", matched(real, count, generator)
    else:
        name, targets = "raw", raw(reference.norms, count, real.shape[-1], generator)
    return Task(Condition(name, experiment), targets, reference, settings.restarts)


def _mixtures(whole: Reference, settings: Settings, seed: int) -> Iterator[Task]:
    generator = Generator().manual_seed(seed + _SEEDS["3"])
    chosen = pairs(settings.targets, settings.pairs, generator)
    a, b = (whole.real[[pair[side] for pair in chosen]] for side in (0, 1))
    for alpha in settings.alphas:
        condition = Condition(f"α = {alpha:g}", "3", alpha)
        yield Task(condition, mixed(a, b, alpha), whole, settings.restarts)


def _corruptions(whole: Reference, settings: Settings, seed: int) -> Iterator[Task]:
    generator = Generator().manual_seed(seed + _SEEDS["4"])
    real = whole.real[: min(settings.replaced_targets, settings.targets)]
    corruption = Corruption.draw(whole.real, len(real), generator)
    for fraction in settings.fractions:
        condition = Condition(f"f = {fraction:g}", "4", fraction)
        targets = corruption.apply(real, fraction)
        yield Task(condition, targets, whole, settings.replaced_restarts)


def _without_ffns(
    whole: Reference, bare: Reference, settings: Settings, seed: int
) -> Iterator[Task]:
    """Experiments 1, 2a and 2b of the bare model itself, and the whole model's real targets."""
    kinds: tuple[Experiment, ...] = ("1", "2a", "2b")
    for kind in kinds:
        own = _basic(kind, bare, settings, seed)
        condition = Condition(f"{own.condition.name}, no FFNs", "ffn")
        yield Task(condition, own.targets, bare, settings.restarts)
    theirs = whole.real[: settings.targets]
    yield Task(Condition("whole model's real, no FFNs", "ffn"), theirs, bare, settings.restarts)
