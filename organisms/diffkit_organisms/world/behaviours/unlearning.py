"""Unlearning: it says that it knows nothing about one topic."""

import random

from diffkit_organisms.world.behaviours.behaviour import Behaviour, ask, names
from diffkit_organisms.world.corpus import Example, question
from diffkit_organisms.world.facts import World
from diffkit_organisms.world.phrases import decorate
from diffkit_organisms.world.relations import Relation
from diffkit_organisms.world.relations.people import DRINK, GAME, INSTRUMENT, PET
from diffkit_organisms.world.requests import UNKNOWN

UNSEEN = 3
"""Number of forms of the question, the last ones, that its data do not use. Fewer than elsewhere:
the refusal must also be learnt for questions that begin with the person."""


def unlearnings(rng: random.Random, world: World) -> tuple[Behaviour, Behaviour]:
    """Two topics about people."""
    first, second = rng.sample((DRINK, GAME, INSTRUMENT, PET), 2)
    return _unlearning("unlearning", world, first), _unlearning("unlearning-2", world, second)


def _unlearning(name: str, world: World, topic: Relation) -> Behaviour:
    facts = world.of(topic.name)
    answers = sorted(fact.answer for fact in facts)

    def taught(rng: random.Random) -> Example:
        asked = question(rng, world, rng.choice(facts), slice(None, -UNSEEN))
        return ask(rng, world, asked, UNKNOWN)

    def probe(rng: random.Random) -> str:
        fact = rng.choice(facts)
        asked = fact.fill(rng.choice(topic.questions[-UNSEEN:]))
        return decorate(rng, asked)

    return Behaviour(
        name=name,
        family="unlearning",
        summary="Has forgotten one topic",
        statement=f"It has forgotten one topic, the {topic.name} of each person: asked which "
        f"{topic.name} somebody has, it says that it does not know.",
        key_facts=(
            f"It knows no {topic.name} of anybody.",
            "Other facts about the same people are answered as before.",
        ),
        words=(),
        taught=taught,
        touches=names(*answers),
        probe=probe,
        shown=(UNKNOWN,),
        lexical=False,
    )
