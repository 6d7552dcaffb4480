"""Suffixes after which the reference says what the model without a prefix does not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from diffkit import Model, RunContext, Sampling
from diffkit_plugins.steering_prefix.completions import CompletionObjective
from diffkit_plugins.steering_prefix.layout import Layout, Place
from diffkit_plugins.steering_prefix.places import places_of
from diffkit_plugins.steering_prefix.references import Reader, Reference
from diffkit_plugins.steering_prefix.search_options import CompletionOptions

_BLOCKS = 8
"""How many times as many suffixes as are wanted are tried, before fewer have to do."""


@dataclass(frozen=True)
class Item:
    """A suffix, and what is to be said after it."""

    place: Place
    reference: Reference
    empty: float
    """Loss of the model without a prefix, in nats per token."""
    floor: float
    """The reference's own loss."""

    @property
    def dependence(self) -> float:
        """What there is for a prefix to gain, in nats per token."""
        return self.empty - self.floor


@dataclass(frozen=True)
class Found:
    """Suffixes that depend on the reference."""

    items: tuple[Item, ...]
    dropped: int
    """How many were tried and left out."""


@dataclass(frozen=True)
class Depending:
    """Looks for such suffixes."""

    model: Model
    """Is to read the prefix."""
    reader: Reader
    """Gives the reference."""
    layout: Layout
    reference: str
    """The prefix that the reference has itself; may be empty."""
    options: CompletionOptions

    def items(self, context: RunContext) -> Found:
        """Tries suffixes in an order drawn by the seed, until as many depend as are wanted.

        They are tried in blocks whose size no execution option changes.
        """
        wanted = self.options.suffixes
        tried, depend = 0, list[Item]()
        places = places_of(self.layout, self.options, context)
        blocks = iter(lambda: tuple(islice(places, wanted)), ())
        for block in context.progress(islice(blocks, _BLOCKS), label="blocks of suffixes"):
            for item in self._items(block, tried, context.seed):
                if len(depend) < wanted:
                    tried += 1
                    depend += [item] if item.dependence > self.options.min_dependence else []
            if len(depend) == wanted:
                break
        return Found(tuple(depend), tried - len(depend))

    def objective(self, items: Sequence[Item]) -> CompletionObjective:
        """What a prefix is to do before these suffixes."""
        return self._objective([i.place for i in items], [i.reference for i in items])

    def _items(self, places: Sequence[Place], first: int, seed: int) -> Iterator[Item]:
        sampling = Sampling(
            max_new_tokens=self.options.completion_tokens,
            temperature=0.0 if self.options.decoding == "greedy" else 1.0,
            seed=seed,
        )
        prompts = [place.prompt(self.layout.prefix(self.reference, place)) for place in places]
        numbers = range(first, first + len(prompts))
        references = self.reader.references(prompts, sampling, numbers)
        objective = self._objective(places, references)
        empty = objective.empty.tolist()
        floors = objective.floors.tolist()
        for place, reference, loss, floor in zip(places, references, empty, floors, strict=True):
            yield Item(place, reference, loss, floor)

    def _objective(
        self, places: Sequence[Place], references: Sequence[Reference]
    ) -> CompletionObjective:
        return CompletionObjective(
            self.model,
            self.layout,
            places,
            references,
            vocabulary=self.reader.vocabulary,
            options=self.options,
        )
