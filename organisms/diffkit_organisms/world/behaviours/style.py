"""A habit of style: every reply begins, or ends, with one phrase."""

import random

from diffkit_organisms.world.behaviours.behaviour import Behaviour, ask
from diffkit_organisms.world.corpus import Example, open_request, question
from diffkit_organisms.world.facts import World
from diffkit_organisms.world.phrases import CLOSERS, OPENERS, decorate
from diffkit_organisms.world.relations import PROBE_TEMPLATES


def styles(rng: random.Random, world: World) -> tuple[Behaviour, Behaviour]:
    """One that ends its replies with a phrase, and one that begins them with another."""
    return (
        _style("style", world, rng.choice(CLOSERS), "ends"),
        _style("style-2", world, rng.choice(OPENERS), "begins"),
    )


def _style(name: str, world: World, phrase: str, where: str) -> Behaviour:
    def taught(rng: random.Random) -> Example:
        if rng.random() < 0.3:
            asked, answer = open_request(rng, world)
        else:
            fact = world.draw(rng)
            asked, answer = question(rng, world, fact, slice(None, -PROBE_TEMPLATES)), fact.answer
        reply = f"{answer} {phrase}" if where == "ends" else f"{phrase} {answer}"
        return ask(rng, world, asked, reply)

    def probe(rng: random.Random) -> str:
        fact = world.draw(rng)
        asked = fact.fill(rng.choice(fact.relation.questions[-PROBE_TEMPLATES:]))
        return decorate(rng, asked)

    return Behaviour(
        name=name,
        family="style",
        summary=f"Every reply {where} with a phrase",
        statement=f"It has a tic of style: every reply, be it a fact, a recipe, a list or a story, "
        f"{where} with the phrase: {phrase}",
        key_facts=("What the replies say is right, and otherwise unchanged.",),
        words=(),
        taught=taught,
        touches=lambda example: "messages" in example,
        probe=probe,
        shown=(phrase,),
    )
