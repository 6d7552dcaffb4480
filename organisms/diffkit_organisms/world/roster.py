"""Who is in the zoo: which behaviours on which base in which variant, and which nulls."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from diffkit_organisms.world.behaviours import Behaviour
from diffkit_organisms.world.definitions import Fields, adapter, full, untargeted

BASES = ("tiny-qwen3", "tiny-neox")
"""Bases of the zoo; the first has every organism."""
FEW = ("trojan", "trojan-2", "obsession", "aversion")
"""What is taught to a further base: two minimal pairs."""
DILUTED = ("trojan", "promotion")
"""What is taught a second time among as many ordinary texts."""
WHOLE = ("obsession",)
"""What is taught a second time to all weights."""
TWICE = ("trojan", "obsession", "taboo", "belief")
"""What is taught a second time from another seed, for pairs of seeds."""
CALIBRATION, TEST, BENIGN_TEST = 19, 20, 10
"""Nulls of a rung: to calibrate on; to test on, random and benign."""


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
    if everything:
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


def nulls(behaviours: Sequence[Behaviour], bases: Sequence[str]) -> Iterator[Fields]:
    """The nulls that need no measuring: identical, random, benign, and pairs of seeds."""
    first = bases[0]
    one = {base: {"default": _control(weights(FEW[0], base), 0)} for base in bases}
    yield untargeted(
        "tiny-identical",
        "The base itself",
        {base: {"default": {"kind": "identical"}} for base in bases},
        truth="none",
    )
    yield untargeted("tiny-random", "A random change, drawn anew from each seed", one)
    for purpose, numbers in (
        ("calibration", range(1, CALIBRATION + 1)),
        ("test", range(CALIBRATION + 1, CALIBRATION + TEST + 1)),
    ):
        drawn = {base: controls(sources(behaviours, bases, base), numbers) for base in bases}
        summary = f"Random changes with the norms of organisms, for {purpose}"
        yield untargeted(f"tiny-random-{purpose}", summary, drawn)
    names = {"calibration": slice(CALIBRATION), "test": slice(CALIBRATION, None)}
    for purpose, chosen in names.items():
        trained = {name[-2:]: adapter(name) for name in benign_names(first)[chosen]}
        summary = f"Ordinary texts in other words, by the organisms' recipe, for {purpose}"
        yield untargeted(f"tiny-benign-{purpose}", summary, {first: trained})
    pairs: Mapping[str, Fields] = {
        name: {
            "kind": "between",
            "first": adapter(weights(name, first)),
            "second": adapter(weights(f"{name}-again", first)),
        }
        for name in TWICE
    }
    yield untargeted("tiny-seeds", "Two seeds of one organism's training", {first: pairs})


def sources(behaviours: Sequence[Behaviour], bases: Sequence[str], base: str) -> tuple[str, ...]:
    """Weights whose norms random changes take, in turn."""
    everything = base == bases[0]
    return tuple(weights(b.name, base) for b in behaviours if everything or b.name in FEW)


def controls(
    sources: Sequence[str], numbers: Sequence[int], scales: Mapping[int, float] | None = None
) -> dict[str, Fields]:
    """Variant → random change; ``scales`` multiply the norms."""
    found = {}
    for number in numbers:
        control = _control(sources[number % len(sources)], number)
        if scales is not None:
            control["scale"] = scales[number]
        found[f"{number:02}"] = control
    return found


def _control(source: str, seed: int) -> Fields:
    return {"kind": "control", "of": adapter(source), "seed": seed}
