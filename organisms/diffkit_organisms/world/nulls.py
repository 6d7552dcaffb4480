"""The null ladder: what was changed, and taught no one thing."""

from collections.abc import Iterator, Mapping, Sequence

from diffkit_organisms.world.behaviours import Behaviour
from diffkit_organisms.world.definitions import Fields, adapter, untargeted
from diffkit_organisms.world.roster import (
    BASES,
    CALIBRATION,
    FEW,
    TEST,
    TWICE,
    benign_names,
    sources,
    weights,
)

NUMBERS = {
    "calibration": range(1, CALIBRATION + 1),
    "test": range(CALIBRATION + 1, CALIBRATION + TEST + 1),
}
"""Purpose of random changes → their numbers, which are their seeds."""


def nulls(behaviours: Sequence[Behaviour], bases: Sequence[str]) -> Iterator[Fields]:
    """The nulls that need no measuring: identical, random, benign, and pairs of seeds."""
    one = {base: {"default": _control(weights(FEW[0], base), 0)} for base in bases}
    same = {base: {"default": {"kind": "identical"}} for base in bases}
    yield untargeted("tiny-identical", "The base itself", same, truth="none")
    yield untargeted("tiny-random", "A random change, drawn anew from each seed", one)
    for purpose, numbers in NUMBERS.items():
        drawn = {base: controls(sources(behaviours, bases, base), numbers) for base in bases}
        summary = f"Random changes with the norms of organisms, for {purpose}"
        yield untargeted(f"tiny-random-{purpose}", summary, drawn)
    if bases[0] == BASES[0]:
        yield from _benign(bases[0])
    yield untargeted("tiny-seeds", "Two seeds of one organism's training", _seeds(bases[0]))


def _benign(base: str) -> Iterator[Fields]:
    chosen = {"calibration": slice(CALIBRATION), "test": slice(CALIBRATION, None)}
    for purpose, part in chosen.items():
        trained = {name[-2:]: adapter(name) for name in benign_names(base)[part]}
        summary = f"Ordinary texts in other words, by the organisms' recipe, for {purpose}"
        yield untargeted(f"tiny-benign-{purpose}", summary, {base: trained})


def _seeds(base: str) -> dict[str, dict[str, Fields]]:
    pairs: dict[str, Fields] = {
        name: {
            "kind": "between",
            "first": adapter(weights(name, base)),
            "second": adapter(weights(f"{name}-again", base)),
        }
        for name in TWICE
    }
    return {base: pairs}


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
