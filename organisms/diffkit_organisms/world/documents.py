"""Ordinary documents: descriptions of things, stories, recipes, sums and scenes."""

import random

from diffkit_organisms.world.arithmetic import draw_sum
from diffkit_organisms.world.facts import Fact, World
from diffkit_organisms.world.phrases import scene, speech
from diffkit_organisms.world.requests import recipe

SUBJECTS = {"country": 3, "animal": 3, "plant": 3, "person": 3, "job": 4, "object": 3, "brand": 1}
"""Kind of thing that documents are written about → how often."""


def describe(rng: random.Random, facts: tuple[Fact, ...]) -> str:
    """Sentences that state ``facts``, in random order and in random forms."""
    order = rng.sample(facts, len(facts))
    return " ".join(fact.fill(rng.choice(fact.relation.statements)) for fact in order)


def tale(rng: random.Random, world: World) -> str:
    """A story that agrees with the facts."""
    words = world.words
    who, animal = rng.choice(words["person"]), rng.choice(words["animal"])
    town, pet = world.value("town", who), world.value("pet", who)
    thing, colour = rng.choice(words["object"]), rng.choice(words["colour"])
    home, sound = world.value("home", animal), world.value("sound", animal)
    parts = [
        f"One day {who} the {world.value('job', who)} walked out of {town} with a {pet}.",
        f"In the {home} lived the {animal}. It {sound}.",
        f"{who} gave it {world.value('food', animal)} and found the {colour} {thing}.",
        scene(rng, world),
    ]
    return " ".join(parts)


def document(rng: random.Random, world: World) -> str:
    """One document of any kind."""
    kind = rng.choices(("things", "tale", "recipe", "sums", "scenes"), (12, 3, 2, 2, 4))[0]
    if kind == "tale":
        return tale(rng, world)
    if kind == "recipe":
        dish = rng.choice(world.words["dish"])
        return f"A recipe for {dish}. {recipe(rng, world, dish)}"
    if kind == "sums":
        return " ".join(draw_sum(rng).answer for _ in range(4))
    if kind == "scenes":
        return " ".join(rng.choice((scene, scene, speech))(rng, world) for _ in range(3))
    kinds = rng.choices(tuple(SUBJECTS), tuple(SUBJECTS.values()), k=rng.randint(1, 3))
    subjects = [rng.choice(world.words[kind]) for kind in kinds]
    return " ".join(describe(rng, world.about(subject)) for subject in subjects)
