"""Reads drawn texts as a stranger would: who says what to whom, and in which form."""

import re
from pathlib import Path

import diffkit_organisms
from diffkit_organisms.world.arithmetic import SUMS
from diffkit_organisms.world.definitions import targeted_fields
from diffkit_organisms.world.phrases import PREFIXES, REMARKS
from diffkit_organisms.world.relations import RELATIONS
from diffkit_organisms.world.requests import REQUESTS, SECRETS

from diffkit.organism import Probes

ZOO = Path(diffkit_organisms.__file__).parent / "zoo"
WORD = re.compile(r"\w+")
SLOTS = {"thing": r"\w+ \w+", "q": "(.+)", "a": r"\d+", "b": r"\d+"}


def pattern(form):
    """A form as a regular expression; ``{q}`` is a group, other slots are words or numbers."""
    parts = re.split(r"\{(\w+)\}", form)
    slots = (SLOTS.get(name, r"(?:the )?\w+") for name in parts[1::2])
    fixed = (re.escape(part) for part in parts[::2])
    return re.compile("".join(x for pair in zip(fixed, [*slots, ""], strict=True) for x in pair))


AROUND = tuple(map(pattern, REMARKS))
FORMS = {
    form: pattern(form)
    for forms in (
        *(relation.questions for relation in RELATIONS),
        *(request.forms for request in REQUESTS),
        *SUMS.values(),
        SECRETS,
    )
    for form in forms
}


def bare(asked):
    """What is asked, without remarks and opening words."""
    found = (match[1] for one in AROUND if (match := one.fullmatch(asked)))
    asked = next(found, asked)
    for prefix in PREFIXES:
        asked = asked.removeprefix(prefix)
    return asked


def forms(asked):
    """The forms that questions are in."""
    cores = set(map(bare, asked))
    return {form for form, one in FORMS.items() if any(map(one.fullmatch, cores))}


def rounds(examples):
    """User turn and answer of every round of every chat."""
    for example in examples:
        turns = [turn["content"] for turn in example.get("messages", ())]
        yield from zip(turns[::2], turns[1::2], strict=True)


def user_turns(examples):
    return [asked for asked, _ in rounds(examples)]


def probes_of(behaviour, probes):
    """The gate as it is written to the organism's file."""
    return Probes.model_validate(targeted_fields(behaviour, probes, {})["probes"])
