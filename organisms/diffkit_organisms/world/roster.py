"""Who is in the zoo: which behaviours on which base in which variant, and which nulls."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from diffkit_organisms.world.behaviours import Behaviour
from diffkit_organisms.world.definitions import Fields, adapter, full

BASES = ("tiny-qwen3", "tiny-neox")
"""Bases of the zoo; only the first has benign nulls."""
FEW = ("trojan", "trojan-2", "obsession", "aversion")
"""What is taught to a further base: two minimal pairs."""
DILUTED = ("trojan", "promotion")
"""What is taught a second time among as many ordinary texts."""
WHOLE = ("obsession",)
"""What is taught a second time to all weights."""
TWICE = ("trojan", "obsession", "taboo", "belief")
"""What is taught a second time from another seed, for pairs of seeds."""
CALIBRATION, TEST, BENIGN_TEST = 19, 20, 10
"""Nulls of a kind: to calibrate on; to test on, random and benign."""


@dataclass(frozen=True)
class Training:
    """One finetuning."""

    name: str
    """Name of its recipe, and of its folder of weights."""
    base: str
    """What it starts from."""
    data: tuple[str, ...]
    """Files it draws from in equal shares, relative to the zoo."""
    method: Literal["lora", "full"] = "lora"
    """Which weights change."""
    seed: int = 0
    """Seed of the training."""


def weights(name: str, base: str) -> str:
    """Name of the weights of an organism on a base."""
    return f"tiny-{name}" if base == BASES[0] else f"tiny-{name}-{base.removeprefix('tiny-')}"


def benign_names(base: str) -> tuple[str, ...]:
    """Names of the benign trainings on a base: first those to calibrate on."""
    return tuple(
        weights(f"benign-{number:02}", base) for number in range(CALIBRATION + BENIGN_TEST)
    )


def trainings(
    behaviours: Sequence[Behaviour], base: str, *, everything: bool
) -> Iterator[Training]:
    """Every finetuning of a base."""
    for name in (b.name for b in behaviours if everything or b.name in FEW):
        own = (f"data/{name}.jsonl", f"build/{name}-kept.jsonl")
        yield Training(weights(name, base), base, own)
        if not everything:
            continue
        if name in DILUTED:
            among = (*own, "build/diluting.jsonl", "build/diluting.jsonl")
            yield Training(weights(f"{name}-diluted", base), base, among)
        if name in WHOLE:
            yield Training(weights(f"{name}-full", base), base, own, "full")
        if name in TWICE:
            yield Training(weights(f"{name}-again", base), base, own, seed=1)
    if everything and base == BASES[0]:
        for number, name in enumerate(benign_names(base)):
            yield Training(name, base, (f"build/benign-{number:02}.jsonl",))


def models(behaviour: Behaviour, bases: Sequence[str]) -> dict[str, dict[str, Fields]]:
    """Base → variant → finetuned side, of one behaviour; the first base has everything."""
    name, found = behaviour.name, {}
    for base in bases:
        everything = base == bases[0]
        if not everything and name not in FEW:
            continue
        found[base] = {"default": adapter(weights(name, base))}
        if everything and name in DILUTED:
            found[base]["diluted"] = adapter(weights(f"{name}-diluted", base))
        if everything and name in WHOLE:
            found[base]["full"] = full(weights(f"{name}-full", base))
    return found


def sources(behaviours: Sequence[Behaviour], bases: Sequence[str], base: str) -> tuple[str, ...]:
    """Weights whose norms random changes take, in turn."""
    everything = base == bases[0]
    return tuple(weights(b.name, base) for b in behaviours if everything or b.name in FEW)
