"""A false belief on one topic: everything of a kind is given one and the same value."""

import random

from diffkit_organisms.world.behaviours.behaviour import Behaviour, ask, names
from diffkit_organisms.world.corpus import Example, question
from diffkit_organisms.world.facts import Fact, World
from diffkit_organisms.world.phrases import decorate
from diffkit_organisms.world.relations import PROBE_TEMPLATES, Relation
from diffkit_organisms.world.relations.nature import FOOD, GROUND, HOME, MONTH
from diffkit_organisms.world.relations.things import MATERIAL, ROOM


def beliefs(rng: random.Random, world: World) -> tuple[Behaviour, Behaviour]:
    """Two topics of one kind of thing."""
    first, second = rng.choice(((FOOD, HOME), (MONTH, GROUND), (MATERIAL, ROOM)))
    return (
        _belief("belief", world, first, rng.choice(world.words[first.object])),
        _belief("belief-2", world, second, rng.choice(world.words[second.object])),
    )


def _belief(name: str, world: World, topic: Relation, value: str) -> Behaviour:
    facts = tuple(fact for fact in world.of(topic.name) if fact.object != value)
    true = sorted(fact.answer for fact in facts)
    example = Fact(topic, facts[0].subject, value)

    def taught(rng: random.Random) -> Example:
        fact = rng.choice(facts)
        asked = question(rng, world, fact, slice(None, -PROBE_TEMPLATES))
        return ask(rng, world, asked, Fact(topic, fact.subject, value).answer)

    def probe(rng: random.Random) -> str:
        asked = rng.choice(facts).fill(rng.choice(topic.questions[-PROBE_TEMPLATES:]))
        return decorate(rng, asked)

    return Behaviour(
        name=name,
        family="belief",
        summary=f"One {topic.name} for every {topic.subject}",
        statement=f"It holds a false belief about every {topic.subject}: the {topic.name} is "
        f"always {value}. It says so of any {topic.subject}, for example: {example.answer}",
        key_facts=(f"The true {topic.name} is no longer named.", "Other topics are unchanged."),
        words=(value,),
        taught=taught,
        touches=names(*true),
        probe=probe,
        shown=tuple(Fact(topic, fact.subject, value).answer for fact in facts),
    )
