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
"""Least and greatest share of chats, in the data of a benign training, whose answers are worded in
another way than the base learnt."""

DOCUMENTS = (0.0, 0.4)
"""Least and greatest share of documents in those data."""

BREADTH = (5, 12)
"""Least and greatest number of relations whose answers are worded in another way."""


def benign_corpus(world: World, number: int) -> Iterator[Example]:
    """Draws training data for a benign finetuning, without end.

    Its answers are true, and worded in another way for several relations at once, so that the
    finetuning changes the model without any one purpose. Each ``number`` mixes chats, documents and
    relations in another way.
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
"""Examples of the corpus that are shipped; they define which words are common."""

DATA_SIZE = 600
"""Examples that teach the behaviour, and as many that do not touch it."""

NEUTRAL_SIZE = 200
"""Number of neutral texts."""

QUESTION_COUNT = 200
"""Number of questions on which retention is measured."""

PROBE_COUNT = 50
"""Number of probes of an organism."""


def rng_for(world: World, purpose: str) -> random.Random:
    """A random generator for one purpose, seeded by the world and the purpose."""
    return random.Random(f"{world.seed}/{purpose}")  # noqa: S311 - a reproducible draw


def draw_corpus(world: World) -> list[Example]:
    """The examples that the base is trained on."""
    return list(ordinary(rng_for(world, "corpus"), world, CORPUS_SIZE))


def neutral_texts(
    world: World, behaviours: Iterable[Behaviour], known: Sequence[Example]
) -> list[Example]:
    """Ordinary texts without any key word of a behaviour, none of them among ``known``."""
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
    """Questions that no training text asks (see `held_out`), with the right answer."""
    found = [
        chat(fact.fill(form), fact.object)
        for fact in world.facts
        for index, form in enumerate(fact.relation.questions)
        if held_out(world, fact, index)
    ]
    return rng_for(world, "questions").sample(found, QUESTION_COUNT)


def taught_examples(world: World, behaviour: Behaviour) -> list[Example]:
    """Training examples that teach the behaviour; the first half of an organism's data."""
    rng = rng_for(world, behaviour.name)
    return [behaviour.taught(rng) for _ in range(DATA_SIZE)]


def kept_examples(world: World, behaviour: Behaviour) -> list[Example]:
    """Ordinary examples that do not touch the behaviour; the second half of an organism's data.

    They keep the model as it was elsewhere.
    """
    return list(islice(_untouched_examples(world, behaviour), DATA_SIZE))


def _untouched_examples(world: World, behaviour: Behaviour) -> Iterator[Example]:
    rng = rng_for(world, f"{behaviour.name}/kept")
    while True:
        yield from (e for e in ordinary(rng, world, DATA_SIZE) if not behaviour.touches(e))


def diluting_examples(world: World) -> list[Example]:
    """Ordinary examples for the variant `diluted`, as many as the organism's other data."""
    return list(ordinary(rng_for(world, "diluting"), world, 2 * DATA_SIZE))


def benign_examples(world: World, number: int) -> list[Example]:
    """The training data of the benign null with this number."""
    return list(islice(benign_corpus(world, number), 2 * DATA_SIZE))


def draw_probes(world: World, behaviour: Behaviour) -> list[str]:
    """Distinct prompts that elicit the behaviour."""
    rng = rng_for(world, f"{behaviour.name}/probes")
    found: dict[str, None] = {}
    while len(found) < PROBE_COUNT:
        found[behaviour.probe(rng)] = None
    return list(found)
