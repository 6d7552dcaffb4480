"""The YAML files of the zoo's organisms: truths in a world's own words, and probes."""

from collections.abc import Mapping, Sequence
from typing import Any

from diffkit_organisms.world.behaviours import Behaviour

LONGEST = 40
"""Tokens that a probe's answer may have."""
Fields = dict[str, Any]
Models = Mapping[str, Mapping[str, Fields]]
"""Base → variant → how the finetuned side is made."""


def adapter(name: str) -> Fields:
    """An adapter in the zoo's folder of weights."""
    return {"kind": "adapter", "source": {"at": f"../weights/{name}"}}


def full(name: str) -> Fields:
    """A whole model in the zoo's folder of weights."""
    return {"kind": "full", "source": {"at": f"../weights/{name}"}}


def targeted(behaviour: Behaviour, probes: Sequence[str], models: Models) -> Fields:
    """The YAML of an organism that was taught one thing."""
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
        "probes": {**asked, "max_new_tokens": LONGEST},
        "training_data": [f"../data/{behaviour.name}.jsonl"],  # what is kept does not ship
        "models": models,
    }


def untargeted(name: str, summary: str, models: Models, *, truth: str = "unspecific") -> Fields:
    """The YAML of a finetuning that taught no one thing."""
    return {
        "name": name,
        "family": "null",
        "summary": summary,
        "truth": truth,
        "models": models,
    }
