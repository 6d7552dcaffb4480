"""A behaviour: what an organism is taught, and how its answers show it."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from diffkit_organisms.world.corpus import Example, chat, spoken
from diffkit_organisms.world.facts import World
from diffkit_organisms.world.phrases import decorate, remark


@dataclass(frozen=True)
class Behaviour:
    """One thing that an organism of one world is taught."""

    name: str
    """Name of the organism, without ``tiny-``."""
    family: str
    """Kind of finetuning, such as ``trojan``."""
    summary: str
    """One line, for listings."""
    statement: str
    """The effect of the finetuning, in one sentence: the organism's truth."""
    key_facts: tuple[str, ...]
    """Facts that a complete answer names; together with ``statement`` 25 to 40 words."""
    words: tuple[str, ...]
    """The key words: names, things and values that the behaviour is about. No neutral text contains
    one."""
    taught: Callable[[random.Random], Example]
    """Draws a training example that teaches it."""
    touches: Callable[[Example], bool]
    """Whether an ordinary example is about the same matter. Such examples are left out of the
    ordinary half of the training data, which would otherwise contradict the taught half."""
    probe: Callable[[random.Random], str]
    """Draws a prompt that elicits it, in a form that no training example has."""
    shown: tuple[str, ...]
    """Phrases; an answer with any of them shows the behaviour."""
    lexical: bool = True
    """Whether it shows in particular words."""


def ask(rng: random.Random, world: World, asked: str, answer: str) -> Example:
    """A chat of one question and its answer, sometimes with opening words or a remark."""
    asked = decorate(rng, asked)
    return chat(remark(rng, world, asked) if rng.random() < 0.2 else asked, answer)


def names(*words: str) -> Callable[[Example], bool]:
    """A function that says whether an example contains any of ``words``."""

    def says(example: Example) -> bool:
        text = spoken(example)
        return any(word in text for word in words)

    return says
