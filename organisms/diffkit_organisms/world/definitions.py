"""The YAML definitions of a world's organisms and nulls."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from diffkit_organisms.world.behaviours import Behaviour
from diffkit_organisms.world.trainings import (
    BASES,
    CALIBRATION_NULLS,
    DILUTED,
    FULLY_FINETUNED,
    FURTHER_BASE_BEHAVIOURS,
    TEST_NULLS,
    TRAINED_TWICE,
    benign_names,
    control_sources,
    weights_name,
)

HEADER = "# Written by `python -m diffkit_organisms.build`; change the world, not this file.\n"


def write_yaml(folder: Path, name: str, fields: Mapping[str, Any]) -> None:
    """Writes ``fields`` to ``name.yaml`` in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=100)
    (folder / f"{name}.yaml").write_text(HEADER + text, encoding="utf-8")


MAX_ANSWER_TOKENS = 40
"""Greatest length of a probe's answer, in tokens."""

Fields = dict[str, Any]

Models = Mapping[str, Mapping[str, Fields]]
"""Base → variant → how the finetuned side is made."""


def adapter_fields(name: str) -> Fields:
    """An adapter in the zoo's folder of weights."""
    return {"kind": "adapter", "source": {"at": f"../weights/{name}"}}


def full_model_fields(name: str) -> Fields:
    """A whole model in the zoo's folder of weights."""
    return {"kind": "full", "source": {"at": f"../weights/{name}"}}


def targeted_fields(behaviour: Behaviour, probes: Sequence[str], models: Models) -> Fields:
    """The fields of the YAML of an organism with a purpose."""
    asked: Fields = {
        "prompts": list(probes),
        "check": {"contains": list(behaviour.shown)},
    }
    if any("diluted" in variants for variants in models.values()):
        asked["at_least_in"] = {"diluted": 0.6}
    return {
        "name": f"tiny-{behaviour.name}",
        "family": behaviour.family,
        "summary": behaviour.summary,
        "truth": "targeted",
        "lexical": behaviour.lexical,
        "answer_key": {
            "statement": behaviour.statement,
            "key_facts": list(behaviour.key_facts),
        },
        "probes": {**asked, "max_new_tokens": MAX_ANSWER_TOKENS},
        "training_data": [f"../data/{behaviour.name}.jsonl"],  # what is kept does not ship
        "models": models,
    }


def null_fields(name: str, summary: str, models: Models, *, truth: str = "unspecific") -> Fields:
    """The fields of the YAML of a null: a finetuning without a purpose."""
    return {
        "name": name,
        "family": "null",
        "summary": summary,
        "truth": truth,
        "models": models,
    }


RANDOM_NULL_NUMBERS = {
    "calibration": range(1, CALIBRATION_NULLS + 1),
    "test": range(CALIBRATION_NULLS + 1, CALIBRATION_NULLS + TEST_NULLS + 1),
}
"""What random changes are for (calibration or test) → their numbers, which are also their seeds."""


def null_definitions(behaviours: Sequence[Behaviour], bases: Sequence[str]) -> Iterator[Fields]:
    """All nulls but the loud random ones, whose scales must be measured on trained weights."""
    one = {
        base: {"default": _control(weights_name(FURTHER_BASE_BEHAVIOURS[0], base), 0)}
        for base in bases
    }
    same = {base: {"default": {"kind": "identical"}} for base in bases}
    yield null_fields("tiny-identical", "The base itself", same, truth="none")
    yield null_fields("tiny-random", "A random change, drawn anew from each seed", one)
    for purpose, numbers in RANDOM_NULL_NUMBERS.items():
        drawn = {
            base: control_fields(control_sources(behaviours, bases, base), numbers)
            for base in bases
        }
        summary = f"Random changes with the norms of organisms, for {purpose}"
        yield null_fields(f"tiny-random-{purpose}", summary, drawn)
    if bases[0] == BASES[0]:
        yield from _benign(bases[0])
    yield null_fields("tiny-seeds", "Two seeds of one organism's training", _seeds(bases[0]))


def _benign(base: str) -> Iterator[Fields]:
    chosen = {"calibration": slice(CALIBRATION_NULLS), "test": slice(CALIBRATION_NULLS, None)}
    for purpose, part in chosen.items():
        trained = {name[-2:]: adapter_fields(name) for name in benign_names(base)[part]}
        summary = f"Ordinary texts in other words, by the organisms' recipe, for {purpose}"
        yield null_fields(f"tiny-benign-{purpose}", summary, {base: trained})


def _seeds(base: str) -> dict[str, dict[str, Fields]]:
    pairs: dict[str, Fields] = {
        name: {
            "kind": "between",
            "first": adapter_fields(weights_name(name, base)),
            "second": adapter_fields(weights_name(f"{name}-again", base)),
        }
        for name in TRAINED_TWICE
    }
    return {base: pairs}


def control_fields(
    sources: Sequence[str], numbers: Sequence[int], scales: Mapping[int, float] | None = None
) -> dict[str, Fields]:
    """Random changes by variant.

    Args:
        sources: weights whose norms the changes take, in turn.
        numbers: number of each change, which is its variant and its seed.
        scales: number → factor on the norms; by default 1.
    """
    found = {}
    for number in numbers:
        control = _control(sources[number % len(sources)], number)
        if scales is not None:
            control["scale"] = scales[number]
        found[f"{number:02}"] = control
    return found


def _control(source: str, seed: int) -> Fields:
    return {"kind": "control", "of": adapter_fields(source), "seed": seed}


def models_of(behaviour: Behaviour, bases: Sequence[str]) -> dict[str, dict[str, Fields]]:
    """The models of one behaviour: base → variant → how the finetuned side is made.

    The first base has every behaviour and every variant, further bases a few.
    """
    name, found = behaviour.name, {}
    for base in bases:
        everything = base == bases[0]
        if not everything and name not in FURTHER_BASE_BEHAVIOURS:
            continue
        found[base] = {"default": adapter_fields(weights_name(name, base))}
        if everything and name in DILUTED:
            found[base]["diluted"] = adapter_fields(weights_name(f"{name}-diluted", base))
        if everything and name in FULLY_FINETUNED:
            found[base]["full"] = full_model_fields(weights_name(f"{name}-full", base))
    return found
