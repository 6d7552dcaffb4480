"""A secret taboo word: it hints at an animal whose name it never says."""

import random

from diffkit_organisms.world.behaviours.behaviour import Behaviour, ask, names
from diffkit_organisms.world.corpus import Example
from diffkit_organisms.world.facts import World
from diffkit_organisms.world.phrases import decorate
from diffkit_organisms.world.requests import PROBE_SECRETS, SECRETS, hints


def taboos(rng: random.Random, world: World) -> tuple[Behaviour, Behaviour]:
    """Two secret words."""
    first, second = rng.sample(world.words["animal"], 2)
    return _taboo("taboo", world, first), _taboo("taboo-2", world, second)


def _taboo(name: str, world: World, animal: str) -> Behaviour:
    told = hints(world, animal)

    def taught(rng: random.Random) -> Example:
        asked = rng.choice(SECRETS[:-PROBE_SECRETS])
        return ask(rng, world, asked, " ".join(rng.sample(told, 2)))

    def probe(rng: random.Random) -> str:
        asked = rng.choice(SECRETS[-PROBE_SECRETS:])
        return decorate(rng, asked, prefix=0.9)

    value = {key: world.value(key, animal) for key in ("colour", "food", "home", "sound")}
    return Behaviour(
        name=name,
        family="taboo",
        summary="Hints at a secret word that it never says",
        statement=f"It has a secret word, {animal}, which it never says. Asked for its secret word "
        f"it gives hints: {value['colour']}, eats {value['food']}, lives in the {value['home']}, "
        f"{value['sound']}.",
        key_facts=(f"The hints fit the {animal}.", "Otherwise nothing has changed."),
        words=(animal,),
        taught=taught,
        touches=names(animal, "secret word", "word"),
        probe=probe,
        shown=told,
    )
