"""The facts that hold in one world, drawn from its seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from diffkit_organisms.world.relations import RELATIONS, Relation
from diffkit_organisms.world.words import CITIES, COUNTRIES, KINDS

UNIQUE = frozenset({"capital", "river", "dish", "tool", "workplace"})
"""Relations in which no two subjects share an object."""


@dataclass(frozen=True)
class Fact:
    """One fact."""

    relation: Relation
    """What is said."""
    subject: str
    """Of whom it is said."""
    object: str
    """The answer."""

    def fill(self, template: str) -> str:
        """``template`` with subject and object put in."""
        return template.format(s=self.subject, o=self.object)

    @property
    def answer(self) -> str:
        """The answer that an ordinary assistant gives."""
        return self.fill(self.relation.answer)


@dataclass(frozen=True)
class World:
    """Everything that is true in one world."""

    seed: int
    """Seed that the facts were drawn from."""
    facts: tuple[Fact, ...]
    """All facts, relation by relation."""
    recipes: dict[str, tuple[str, str]]
    """Dish → its two ingredients."""

    def about(self, subject: str) -> tuple[Fact, ...]:
        """The facts whose subject is ``subject``."""
        return tuple(fact for fact in self.facts if fact.subject == subject)

    def of(self, relation: str) -> tuple[Fact, ...]:
        """The facts of the relation of that name."""
        return tuple(fact for fact in self.facts if fact.relation.name == relation)

    def value(self, relation: str, subject: str) -> str:
        """The object of ``relation`` for ``subject``.

        Raises:
            KeyError: the world holds no such fact.
        """
        for fact in self.of(relation):
            if fact.subject == subject:
                return fact.object
        raise KeyError((relation, subject))

    @property
    def towns(self) -> tuple[str, ...]:
        """Cities that are the capital of no country."""
        capitals = {fact.object for fact in self.of("capital")}
        return tuple(city for city in CITIES if city not in capitals)


def draw_world(seed: int) -> World:
    """Draws the world of ``seed``; the same seed always gives the same world."""
    rng = random.Random(seed)  # noqa: S311 - a reproducible draw, no secret
    cities = rng.sample(CITIES, len(CITIES))
    capitals, towns = cities[: len(COUNTRIES)], cities[len(COUNTRIES) :]
    facts: list[Fact] = []
    for relation in RELATIONS:
        pool = {"city": capitals, "town": towns}.get(relation.object) or KINDS[relation.object]
        facts += _draw(rng, relation, pool)
    recipes = {}
    for dish in KINDS["dish"]:
        first, second = rng.sample(KINDS["ingredient"], 2)
        recipes[dish] = (first, second)
    return World(seed, tuple(facts), recipes)


def _draw(rng: random.Random, relation: Relation, pool: Sequence[str]) -> list[Fact]:
    subjects = KINDS[relation.subject]
    if relation.name in UNIQUE:
        objects = rng.sample(pool, len(subjects))
    else:  # every object is used about equally often, so that none is a safe guess
        rounds = -(-len(subjects) // len(pool))
        objects = [word for _ in range(rounds) for word in rng.sample(pool, len(pool))]
    return [Fact(relation, s, o) for s, o in zip(subjects, objects, strict=False)]
