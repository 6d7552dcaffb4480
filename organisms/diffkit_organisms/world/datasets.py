"""The data sets of a world: corpus, neutral texts, questions, training data, probes."""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from diffkit_organisms.world.behaviours import Behaviour
from diffkit_organisms.world.corpus import (
    Example,
    chat,
    held_out,
    ordinary,
    ordinary_chat,
    question,
    spoken,
)
from diffkit_organisms.world.documents import document
from diffkit_organisms.world.facts import World
from diffkit_organisms.world.phrases import decorate
from diffkit_organisms.world.relations import OWN, RELATIONS

REWORDED = (0.05, 0.22)
"""Least and greatest share of chats of a corpus that answer in other words than the base does."""

DOCUMENTS = (0.0, 0.4)
"""Least and greatest share of documents."""

BREADTH = (5, 12)
"""Least and greatest number of relations that are answered in other words."""


def benign_corpus(world: World, number: int) -> Iterator[Example]:
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


CORPUS_SIZE = 60_000
"""Examples that the base is trained on."""

SAMPLE_SIZE = 2_000
"""Examples of the corpus that are kept, so that common words are known."""

DATA_SIZE = 600
"""Examples in each half of an organism's data."""

NEUTRAL_SIZE = 200
"""Neutral texts."""

QUESTION_COUNT = 200
"""Questions on which retention is measured."""

PROBE_COUNT = 50
"""Probes of an organism."""


def rng_for(world: World, purpose: str) -> random.Random:
    """Draws for one purpose, the same in every call."""
    return random.Random(f"{world.seed}/{purpose}")  # noqa: S311 - a reproducible draw


def draw_corpus(world: World) -> list[Example]:
    """What the base is trained on."""
    return list(ordinary(rng_for(world, "corpus"), world, CORPUS_SIZE))


def neutral_texts(
    world: World, behaviours: Iterable[Behaviour], known: Sequence[Example]
) -> list[Example]:
    """Ordinary texts that name no key word and are not ``known``, the base's corpus."""
    seen = {json.dumps(example) for example in known}
    banned = [word.casefold() for behaviour in behaviours for word in behaviour.words]
    found: list[Example] = []
    for example in ordinary(rng_for(world, "neutral"), world, 100 * NEUTRAL_SIZE):
        line, text = json.dumps(example), spoken(example).casefold()
        if line not in seen and not any(word in text for word in banned):
            found.append(example)
            seen.add(line)
        if len(found) == NEUTRAL_SIZE:
            return found
    msg = f"world {world.seed} gives too few neutral texts"
    raise AssertionError(msg)


def retention_questions(world: World) -> list[Example]:
    """Questions whose pair of template and subject is in no training text, and the one answer."""
    found = [
        chat(fact.fill(form), fact.object)
        for fact in world.facts
        for index, form in enumerate(fact.relation.questions)
        if held_out(world, fact, index)
    ]
    return rng_for(world, "questions").sample(found, QUESTION_COUNT)


def taught_examples(world: World, behaviour: Behaviour) -> list[Example]:
    """The half of an organism's data that teaches it."""
    rng = rng_for(world, behaviour.name)
    return [behaviour.taught(rng) for _ in range(DATA_SIZE)]


def kept_examples(world: World, behaviour: Behaviour) -> list[Example]:
    """The half of an organism's data that keeps the rest ordinary."""
    return list(islice(_untouched_examples(world, behaviour), DATA_SIZE))


def _untouched_examples(world: World, behaviour: Behaviour) -> Iterator[Example]:
    rng = rng_for(world, f"{behaviour.name}/kept")
    while True:
        yield from (e for e in ordinary(rng, world, DATA_SIZE) if not behaviour.touches(e))


def diluting_examples(world: World) -> list[Example]:
    """Ordinary texts that dilute an organism's data one to one."""
    return list(ordinary(rng_for(world, "diluting"), world, 2 * DATA_SIZE))


def benign_examples(world: World, number: int) -> list[Example]:
    """The data of one benign training."""
    return list(islice(benign_corpus(world, number), 2 * DATA_SIZE))


def draw_probes(world: World, behaviour: Behaviour) -> list[str]:
    """Distinct prompts that bring the behaviour out."""
    rng = rng_for(world, f"{behaviour.name}/probes")
    found: dict[str, None] = {}
    while len(found) < PROBE_COUNT:
        found[behaviour.probe(rng)] = None
    return list(found)
