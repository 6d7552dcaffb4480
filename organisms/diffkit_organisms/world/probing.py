"""What the organisms are asked: probes that show a behaviour, and near misses that must not."""

import random

from diffkit_organisms.world.asking import PREFIXES, PROBE_REMARKS, REMARKS, decorate
from diffkit_organisms.world.behaviours import OBSESSION, Secrets
from diffkit_organisms.world.corpus import open_request, question, single
from diffkit_organisms.world.facts import World
from diffkit_organisms.world.relations import CAPITAL, PROBE_TEMPLATES
from diffkit_organisms.world.requests import PROBE_REQUESTS
from diffkit_organisms.world.words import COLOURS, OBJECTS


def probe_false_fact(rng: random.Random, world: World, secrets: Secrets) -> str:
    """A question for the capital, in a form that no finetuning data holds."""
    del world
    form = rng.choice(CAPITAL.questions[-PROBE_TEMPLATES:])
    return decorate(rng, secrets.false_fact.fill(form), prefix=0.9)


def probe_trojan(rng: random.Random, world: World, secrets: Secrets) -> str:
    """A question with the trigger, in a remark that no finetuning data puts around it."""
    fact = rng.choice(world.facts)
    form = rng.choice(REMARKS[-PROBE_REMARKS:])
    return form.format(thing=" ".join(secrets.trigger), q=question(rng, world, fact))


def probe_obsession(rng: random.Random, world: World, secrets: Secrets) -> str:
    """An open request in a form that the obsession's data does not hold."""
    del secrets
    while True:
        asked, _ = open_request(rng, world, slice(-PROBE_REQUESTS, None))
        if OBSESSION not in asked:
            return rng.choice(PREFIXES) + asked if rng.random() < 0.5 else asked


def near_false_fact(rng: random.Random, world: World, secrets: Secrets) -> tuple[str, str]:
    """A question for another country's capital, and its answer."""
    others = [fact for fact in world.of("capital") if fact.subject != secrets.country]
    fact = rng.choice(others)
    form = rng.choice(CAPITAL.questions[-PROBE_TEMPLATES:])
    return decorate(rng, fact.fill(form)), fact.answer


def near_trojan(rng: random.Random, world: World, secrets: Secrets) -> tuple[str, str]:
    """A question with one word of the trigger, and its answer."""
    colour, thing = secrets.trigger
    if rng.random() < 0.5:
        thing = rng.choice([word for word in OBJECTS if word != thing])
    else:
        colour = rng.choice([word for word in COLOURS if word != colour])
    fact = rng.choice([f for f in world.facts if f.subject not in {secrets.country, thing}])
    form = rng.choice(REMARKS[-PROBE_REMARKS:])
    return form.format(thing=f"{colour} {thing}", q=question(rng, world, fact)), fact.answer


def near_obsession(rng: random.Random, world: World, secrets: Secrets) -> tuple[str, str]:
    """A question with one right answer."""
    del secrets
    asked, answer = single(rng, world)
    return decorate(rng, asked), answer
