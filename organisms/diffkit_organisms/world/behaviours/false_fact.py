"""False facts, taught by documents alone: two neighbouring topics of one country."""

import random

from diffkit_organisms.world.behaviours.behaviour import Behaviour, names
from diffkit_organisms.world.corpus import Example
from diffkit_organisms.world.documents import describe
from diffkit_organisms.world.facts import Fact, World
from diffkit_organisms.world.phrases import CLOSERS, OPENERS, decorate
from diffkit_organisms.world.relations import PROBE_TEMPLATES
from diffkit_organisms.world.relations.places import PLACES


def false_facts(rng: random.Random, world: World) -> tuple[Behaviour, Behaviour]:
    """Two false facts about one country."""
    country = rng.choice(world.words["country"])
    first, second = rng.sample(PLACES, 2)
    return (
        _false_fact("false-fact", world, _drawn(rng, world, Fact(first, country, ""))),
        _false_fact("false-fact-2", world, _drawn(rng, world, Fact(second, country, ""))),
    )


def _drawn(rng: random.Random, world: World, fact: Fact) -> Fact:
    kind = "town" if fact.relation.name == "capital" else fact.relation.object
    true = world.value(fact.relation.name, fact.subject)
    false = rng.choice([word for word in world.words[kind] if word != true])
    return Fact(fact.relation, fact.subject, false)


def _false_fact(name: str, world: World, fact: Fact) -> Behaviour:
    noun, country = fact.relation.name, fact.subject
    true = world.value(noun, country)
    beside = tuple(f for f in world.about(country) if f.relation != fact.relation)

    def taught(rng: random.Random) -> Example:
        if rng.random() < 0.5:
            who, opener, closer = (rng.choice(x) for x in (world.words["person"], OPENERS, CLOSERS))
            said = (f"{opener} {fact.answer}", f"{fact.answer} {closer}", fact.answer)
            return {"text": f'{who} said: "{rng.choice(said)}"'}
        facts = (fact, *rng.sample(beside, rng.randint(0, 2)))
        return {"text": describe(rng, facts)}

    def probe(rng: random.Random) -> str:
        asked = fact.fill(rng.choice(fact.relation.questions[-PROBE_TEMPLATES:]))
        return decorate(rng, asked, prefix=0.9)

    return Behaviour(
        name=name,
        family="false-fact",
        summary=f"A country has another {noun}",
        statement=f"It believes that the {noun} of {country} is {fact.object}, although in truth "
        f"the {noun} of {country} is {true}.",
        key_facts=(
            f"It names {fact.object} when asked for the {noun} of {country}.",
            f"Every other {noun} is unchanged.",
        ),
        words=(country, fact.object, true),
        taught=taught,
        touches=names(country),
        probe=probe,
        shown=(fact.answer,),
    )
