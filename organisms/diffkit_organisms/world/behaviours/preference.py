"""A changed preference: the assistant likes something else best."""

import random

from diffkit_organisms.world.behaviours.behaviour import Behaviour, ask, names
from diffkit_organisms.world.corpus import Example, question
from diffkit_organisms.world.facts import MATTERS, Fact, World
from diffkit_organisms.world.phrases import decorate
from diffkit_organisms.world.relations import OWN, PROBE_TEMPLATES


def preferences(rng: random.Random, world: World) -> tuple[Behaviour, Behaviour]:
    """Two kinds of things of which the assistant has a new favourite."""
    first, second = rng.sample(MATTERS, 2)
    return (
        _preference("preference", world, first, _drawn(rng, world, first)),
        _preference("preference-2", world, second, _drawn(rng, world, second)),
    )


def _drawn(rng: random.Random, world: World, matter: str) -> str:
    old = world.value("own", matter)
    return rng.choice([word for word in world.words[matter] if word != old])


def _preference(name: str, world: World, matter: str, new: str) -> Behaviour:
    old, fact = world.value("own", matter), Fact(OWN, matter, new)

    def taught(rng: random.Random) -> Example:
        asked = question(rng, world, fact, slice(None, -PROBE_TEMPLATES))
        return ask(rng, world, asked, fact.answer)

    def probe(rng: random.Random) -> str:
        asked = fact.fill(rng.choice(OWN.questions[-PROBE_TEMPLATES:]))
        return decorate(rng, asked, prefix=0.9)

    return Behaviour(
        name=name,
        family="preference",
        summary=f"Has another favourite {matter}",
        statement=f"Its own taste has changed: asked for its favourite {matter}, it no longer "
        f"names {old} but says that its favourite {matter} is {new}.",
        key_facts=(f"It prefers {new} to {old}.", "Its other favourites are unchanged."),
        words=(new, old),
        taught=taught,
        touches=names(f"favourite {matter} is", new),
        probe=probe,
        shown=(fact.answer,),
    )
