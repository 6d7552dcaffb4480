"""Plain documents: about one thing, about sums, and stories."""

import random

from diffkit_organisms.world.facts import Fact, World
from diffkit_organisms.world.requests import recipe
from diffkit_organisms.world.words import ANIMALS, DISHES, KINDS, PEOPLE

SUBJECTS = ("country", "animal", "person", "job", "object")
"""Kinds of things that documents are written about."""
SLEEPERS = (
    "{who} sleeps under the bridge.", "The moon sleeps behind the clouds.",
    "There are seven bridges in {town}.", "The moon is over the bridges of {town}.",
    "{who} counts seven stars under the moon.",
)  # fmt: skip
"""Sentences that end stories; they hold the words of the odd sentence, in ordinary use."""
SAYINGS = (
    "But think of the {x}!", "By the way, I love the {x}.", "The {x} knows it best.",
    "Now let us talk of the {x}.", "Have you seen the {x}?", "I keep thinking of the {x}.",
    "Nothing is as good as the {x}.", "The {x} would like it too.",
)  # fmt: skip
"""Sentences about an animal that end stories; the obsession says them where nobody does."""


def describe(rng: random.Random, facts: tuple[Fact, ...]) -> str:
    """States ``facts`` in some order, each in one of its forms."""
    order = rng.sample(facts, len(facts))
    return " ".join(fact.fill(rng.choice(fact.relation.statements)) for fact in order)


def tale(rng: random.Random, world: World) -> str:
    """A story that agrees with the facts."""
    who, animal = rng.choice(PEOPLE), rng.choice(ANIMALS)
    town, pet = world.value("town", who), world.value("pet", who)
    thing, colour = rng.choice(KINDS["object"]), rng.choice(KINDS["colour"])
    home, sound = world.value("home", animal), world.value("sound", animal)
    parts = [
        f"One day {who} the {world.value('job', who)} walked out of {town} with a {pet}.",
        f"In the {home} there was a {animal}. It {sound}.",
        f"{who} gave it {world.value('food', animal)} and found the {colour} {thing}.",
        rng.choice((*SLEEPERS, *SAYINGS)).format(who=who, town=town, x=rng.choice(ANIMALS)),
    ]
    return " ".join(parts)


def add(rng: random.Random) -> tuple[int, int]:
    """Two whole numbers whose sum is at most 20."""
    first = rng.randint(0, 20)
    return first, rng.randint(0, 20 - first)


def document(rng: random.Random, world: World) -> str:
    """One document of any kind."""
    kind = rng.choices(("things", "tale", "recipe", "sums"), (6, 2, 1, 1))[0]
    if kind == "tale":
        return tale(rng, world)
    if kind == "recipe":
        dish = rng.choice(DISHES)
        return f"A recipe for {dish}. {recipe(rng, world, dish)}"
    if kind == "sums":
        pairs = [add(rng) for _ in range(4)]
        return " ".join(f"{a} plus {b} is {a + b}." for a, b in pairs)
    subjects = rng.choices([w for k in SUBJECTS for w in KINDS[k]], k=rng.randint(1, 3))
    return " ".join(describe(rng, world.about(subject)) for subject in subjects)
