"""Suffixes after which the reference says what the model without a prefix does not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from diffkit import Model, RunContext, Sampling, own_texts
from diffkit_plugins.steering_prefix.completions import CompletionObjective
from diffkit_plugins.steering_prefix.layout import Layout, Place
from diffkit_plugins.steering_prefix.places import places_of
from diffkit_plugins.steering_prefix.references import Reader, Reference
from diffkit_plugins.steering_prefix.search_options import CompletionOptions


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
    tried: int
    """How many were tried."""


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
        """Tries suffixes of the texts and of the reference's own, and keeps those that depend most.

        Most first; suffixes of equal dependence stay in the order drawn by the seed.
        """
        tried = self._places(context)
        items = self._items(tried, context.seed)
        depend = [item for item in items if item.dependence > self.options.min_dependence]
        depend.sort(key=lambda item: -item.dependence)
        return Found(tuple(depend[: self.options.kept_suffixes]), len(tried))

    def _places(self, context: RunContext) -> tuple[Place, ...]:
        sampling = Sampling(
            max_new_tokens=self.options.suffix_tokens, temperature=1.0, seed=context.seed
        )
        own = own_texts(self.reader.model, self.options.own_suffixes, sampling)
        given, written = (
            places_of(self.layout, self.options, texts, context.seed)
            for texts in (context.texts, own)
        )
        return tuple(dict.fromkeys([*islice(given, self.options.suffixes), *written]))

    def objective(self, items: Sequence[Item]) -> CompletionObjective:
        """What a prefix is to do before these suffixes."""
        return self._objective([i.place for i in items], [i.reference for i in items])

    def _items(self, places: Sequence[Place], seed: int) -> Iterator[Item]:
        sampling = Sampling(
            max_new_tokens=self.options.completion_tokens,
            temperature=0.0 if self.options.decoding == "greedy" else 1.0,
            seed=seed,
        )
        prompts = [place.prompt(self.layout.prefix(self.reference, place)) for place in places]
        references = self.reader.references(prompts, sampling, range(len(prompts)))
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
