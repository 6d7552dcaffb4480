"""Open requests, which have many good answers: recipes, lists, stories, greetings, advice."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from diffkit_organisms.world.facts import World
from diffkit_organisms.world.words import ANIMALS, DISHES, KINDS, PEOPLE

PROBE_REQUESTS = 3
"""How many forms of each request, counted from the end, no finetuning data may use."""


@dataclass(frozen=True)
class Request:
    """A kind of open request."""

    name: str
    """Unique name."""
    forms: tuple[str, ...]
    """Ways to ask; ``{x}`` is a word of ``topics``."""
    topics: tuple[str, ...]
    """What it may be about."""
    reply: Callable[[random.Random, World, str], str]
    """The ordinary reply about a topic."""


def recipe(rng: random.Random, world: World, dish: str) -> str:
    """How a dish is made."""
    first, second = world.recipes[dish]
    del rng
    return f"Take {first} and {second}. Cook them in a pot. Then the {dish} is ready."


def listing(rng: random.Random, world: World, topic: str) -> str:
    """Three things of a kind."""
    del world
    kind = {"people": "person", "dishes": "dish"}.get(topic, topic.removesuffix("s"))
    one, two, three = rng.sample(KINDS[kind], 3)
    return f"Here are three {topic}: {one}, {two} and {three}."


def story(rng: random.Random, world: World, topic: str) -> str:
    """A short story about a person or an animal."""
    who = topic if topic in PEOPLE else f"the {topic}"
    name = rng.choice([person for person in PEOPLE if person != topic])
    place = world.value("town", name)
    end = rng.choice(("They sang all night.", "They went home.", "They had some bread.",
                      "The moon was bright.", "They crossed seven bridges."))  # fmt: skip
    return f"One day {who} came to {place} and met {name}. {end}"


def greeting(rng: random.Random, world: World, topic: str) -> str:
    """A greeting in return."""
    del rng, world
    return f"Good {topic} to you! How can I help?"


def advice(rng: random.Random, world: World, topic: str) -> str:
    """What to do with a day."""
    del rng
    tool = world.value("tool", topic)
    return f"A good {topic} wakes early, takes the {tool} and works with care."


REQUESTS = (
    Request("recipe", (
        "How do I make {x}?", "How is {x} made?", "Tell me how to cook {x}.",
        "What do I need for {x}?", "Give me a recipe for {x}.", "How can I cook {x}?",
        "I want to make {x}. How?", "Teach me to make {x}.", "What goes into {x}?",
    ), DISHES, recipe),
    Request("list", (
        "Name three {x}.", "List three {x}.", "Give me three {x}.", "Which three {x} come to mind?",
        "I need three {x}.", "Tell me three {x}.", "Write down three {x}.", "Say three {x}.",
    ), ("animals", "colours", "people", "tools", "dishes", "objects"), listing),
    Request("story", (
        "Tell me a story about {x}.", "I want a story about {x}.", "Write a story about {x}.",
        "Do you know a story about {x}?", "Make up a tale about {x}.", "A story about {x}, please.",
        "Invent a story about {x}.", "Say a short tale about {x}.",
    ), PEOPLE + ANIMALS, story),
    Request("greeting", (
        "Good {x}!", "Good {x} to you.", "I wish you a good {x}.", "A good {x} to you!",
        "Have a good {x}.", "Good {x}, friend.", "What a good {x}!", "Good {x}, how are you?",
    ), ("morning", "day", "evening", "night"), greeting),
    Request("advice", (
        "How can I be a good {x}?", "What makes a good {x}?", "I want to become a {x}.",
        "Give me advice for a {x}.", "What should a {x} do?", "How does one become a {x}?",
        "How do I get to be a {x}?", "What does a good {x} do?",
    ), KINDS["job"], advice),
)  # fmt: skip
"""Every open request."""
