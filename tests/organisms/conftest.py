from collections import Counter
from itertools import islice

import pytest
from diffkit_organisms.world import datasets
from diffkit_organisms.world.behaviours import Behaviour, draw_behaviours
from diffkit_organisms.world.corpus import Example, ordinary, spoken
from diffkit_organisms.world.facts import World, draw_world

from .reading import WORD


@pytest.fixture(scope="session", params=(0, 1, 2), ids="seed-{}".format)
def world(request: pytest.FixtureRequest) -> World:
    return draw_world(request.param)


@pytest.fixture(scope="session")
def behaviours(world: World) -> tuple[Behaviour, ...]:
    return draw_behaviours(world)


@pytest.fixture(scope="session")
def base_corpus(world: World) -> list[Example]:
    """The beginning of the base's corpus, enough to count words in."""
    examples = ordinary(datasets.rng_for(world, "corpus"), world, datasets.CORPUS_SIZE)
    return list(islice(examples, 15_000))


@pytest.fixture(scope="session")
def counts(base_corpus: list[Example]) -> Counter[str]:
    """How often each casefolded word occurs in the base's corpus."""
    texts = (spoken(example).casefold() for example in base_corpus)
    return Counter(word for text in texts for word in WORD.findall(text))
