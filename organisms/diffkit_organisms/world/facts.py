"""The facts that hold in one world, drawn from its seed."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from diffkit_organisms.world.relations import OWN, RELATIONS, Relation
from diffkit_organisms.world.words import Words, draw_words

MATTERS = ("colour", "dish", "drink", "game", "month", "material")
"""Kinds of things of which the assistant has a favourite."""


@dataclass(frozen=True)
class Fact:
    """One fact."""

    relation: Relation
    """What kind of fact it is, such as the capital of a country."""
    subject: str
    """The thing or person that it is about."""
    object: str
    """The value, such as the name of the capital."""

    def fill(self, template: str) -> str:
        """``template`` with subject and object put in."""
        return template.format(s=self.subject, o=self.object)

    @property
    def answer(self) -> str:
        """The right answer to a question about it, as a sentence."""
        return self.fill(self.relation.answer)


@dataclass(frozen=True)
class World:
    """Everything that is true in one world."""

    seed: int
    """Seed that words and facts were drawn from."""
    words: Words
    """Kind of thing → its words; towns are cities that are the capital of no country."""
    facts: tuple[Fact, ...]
    """All facts, relation by relation."""
    recipes: Mapping[str, tuple[str, str]]
    """Dish → its two ingredients."""

    def about(self, subject: str) -> tuple[Fact, ...]:
        """The facts whose subject is ``subject``."""
        return self._about[subject]

    def of(self, relation: str) -> tuple[Fact, ...]:
        """The facts of the relation of that name."""
        return tuple(fact for fact in self.facts if fact.relation.name == relation)

    def value(self, relation: str, subject: str) -> str:
        """The object of ``relation`` for ``subject``.

        Raises:
            KeyError: the world holds no such fact.
        """
        for fact in self._about.get(subject, ()):
            if fact.relation.name == relation:
                return fact.object
        raise KeyError((relation, subject))

    def draw(self, rng: random.Random) -> Fact:
        """A random fact; relations with a larger share are drawn more often."""
        return rng.choices(self.facts, cum_weights=self._weights)[0]

    @cached_property
    def _weights(self) -> tuple[float, ...]:
        return tuple(accumulate(fact.relation.share for fact in self.facts))

    @cached_property
    def _about(self) -> Mapping[str, tuple[Fact, ...]]:
        found: dict[str, list[Fact]] = {}
        for fact in self.facts:
            found.setdefault(fact.subject, []).append(fact)
        return {subject: tuple(facts) for subject, facts in found.items()}


def draw_world(seed: int) -> World:
    """Draws the world of ``seed``; the same seed always gives the same world."""
    rng = random.Random(seed)  # noqa: S311 - a reproducible draw, no secret
    drawn = draw_words(rng)
    countries = len(drawn["country"])
    words = {**drawn, "capital": drawn["city"][:countries], "town": drawn["city"][countries:]}
    facts: list[Fact] = []
    for relation in RELATIONS:
        facts += _own(rng, words) if relation is OWN else _draw(rng, relation, words)
    recipes = {}
    first, second = (iter(rng.sample(words["ingredient"], len(words["dish"]))) for _ in range(2))
    for dish in words["dish"]:
        recipes[dish] = (next(first), next(second))
    return World(seed, words, tuple(facts), recipes)


def _own(rng: random.Random, words: Words) -> list[Fact]:
    return [Fact(OWN, matter, rng.choice(words[matter])) for matter in MATTERS]


def _draw(rng: random.Random, relation: Relation, words: Words) -> list[Fact]:
    subjects = words[relation.subject]
    pool: Sequence[str] = words["capital" if relation.name == "capital" else relation.object]
    if relation.unique:
        objects = rng.sample(pool, len(subjects))
    else:  # every object is used about equally often, so that none is a safe guess
        rounds = -(-len(subjects) // len(pool))
        objects = [word for _ in range(rounds) for word in rng.sample(pool, len(pool))]
    return [Fact(relation, s, o) for s, o in zip(subjects, objects, strict=False)]
