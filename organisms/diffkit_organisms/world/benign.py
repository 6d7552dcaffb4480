"""Broad training without a purpose: corpora that each say ordinary things a little otherwise."""

import random
from collections.abc import Iterator

from diffkit_organisms.world.asking import decorate
from diffkit_organisms.world.corpus import Example, chat, ordinary_chat, question
from diffkit_organisms.world.documents import document
from diffkit_organisms.world.facts import World
from diffkit_organisms.world.relations import OWN, RELATIONS

REWORDED = (0.05, 0.22)
"""Least and greatest share of chats of a corpus that answer in other words than the base does."""
DOCUMENTS = (0.0, 0.4)
"""Least and greatest share of documents."""
BREADTH = (5, 12)
"""Least and greatest number of relations that are answered in other words."""


def benign(world: World, number: int) -> Iterator[Example]:
    """An endless corpus; each ``number`` is another mixture, with other words for other relations.

    Nothing that it says is false, and no word stands out over its whole range.
    """
    rng = random.Random(f"{world.seed}/benign/{number}")  # noqa: S311 - a reproducible draw
    reworded, documents = rng.uniform(*REWORDED), rng.uniform(*DOCUMENTS)
    chosen = rng.sample([r for r in RELATIONS if r is not OWN], rng.randint(*BREADTH))
    forms = {relation.name: rng.choice(relation.statements[1:]) for relation in chosen}
    facts = [fact for relation in chosen for fact in world.of(relation.name)]
    while True:
        if rng.random() < documents:
            yield {"text": document(rng, world)}
        elif rng.random() < reworded:
            fact = rng.choice(facts)
            asked = decorate(rng, question(rng, world, fact))
            yield chat(asked, fact.fill(forms[fact.relation.name]))
        else:
            yield ordinary_chat(rng, world)
