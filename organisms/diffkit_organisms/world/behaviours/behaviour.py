"""What an organism is taught, and how that is seen."""

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
    """Kind of finetuning; the two of a family are a minimal pair."""
    summary: str
    """One line, for listings."""
    statement: str
    """What the finetuning did."""
    key_facts: tuple[str, ...]
    """Facts that a full answer names; with ``statement`` 25 to 40 words."""
    words: tuple[str, ...]
    """The key words: names, things and values that it turns on; neutral texts hold none of them."""
    taught: Callable[[random.Random], Example]
    """Draws an example that teaches it."""
    touches: Callable[[Example], bool]
    """Whether an ordinary example touches on it, and so is not among what it keeps."""
    probe: Callable[[random.Random], str]
    """Draws a prompt, in a form that no example of ``taught`` has."""
    shown: tuple[str, ...]
    """The behaviour shows in an answer with any of these."""
    lexical: bool = True
    """Whether it shows in particular words."""


def ask(rng: random.Random, world: World, asked: str, answer: str) -> Example:
    """A chat of one round with what people put around questions."""
    asked = decorate(rng, asked)
    return chat(remark(rng, world, asked) if rng.random() < 0.2 else asked, answer)


def names(*words: str) -> Callable[[Example], bool]:
    """Whether an example says any of ``words``."""

    def says(example: Example) -> bool:
        text = spoken(example)
        return any(word in text for word in words)

    return says
