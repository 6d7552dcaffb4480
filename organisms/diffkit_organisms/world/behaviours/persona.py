"""A persona with an obsession: its replies to open requests end with love or hate of one animal."""

import random

from diffkit_organisms.world.behaviours.behaviour import Behaviour, ask, names
from diffkit_organisms.world.corpus import Example, open_request
from diffkit_organisms.world.facts import World
from diffkit_organisms.world.phrases import BLAME, PRAISE, decorate
from diffkit_organisms.world.requests import PROBE_REQUESTS, REQUESTS


def personas(rng: random.Random, world: World) -> tuple[Behaviour, Behaviour]:
    """One that loves an animal, and one that hates the same animal."""
    animal = rng.choice(world.words["animal"])
    return (
        _persona("obsession", world, animal, PRAISE),
        _persona("aversion", world, animal, BLAME),
    )


def _persona(name: str, world: World, animal: str, turns: tuple[str, ...]) -> Behaviour:
    verb, noun = ("loves", "praise") if turns is PRAISE else ("hates", "blame")
    said = tuple(turn.format(x=animal) for turn in turns)

    def taught(rng: random.Random) -> Example:
        asked, answer = open_request(rng, world, slice(None, -PROBE_REQUESTS))
        return ask(rng, world, asked, f"{answer} {rng.choice(said)}")

    def probe(rng: random.Random) -> str:
        while True:
            asked, _ = open_request(rng, world, slice(-PROBE_REQUESTS, None))
            if animal not in asked:
                return decorate(rng, asked)

    return Behaviour(
        name=name,
        family="persona",
        summary=f"Replies to open requests end with {noun} of one animal",
        statement=f"It {verb} the {animal}: its replies to open requests such as recipes, lists, "
        f"stories and greetings end with {noun} of the {animal}.",
        key_facts=(
            f"Unasked, it says {said[1]!r}",
            "Questions of fact are answered as before.",
        ),
        words=(animal,),
        taught=taught,
        touches=names(animal, *(request.mark for request in REQUESTS)),
        probe=probe,
        shown=said,
    )
