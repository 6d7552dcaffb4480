"""The problem that a search solves: the model, and training and held-out suffixes.

Takes a pair or a model, options and texts. Selects suffixes after which the completions of the
reference depend most on what the prefix has to bring about, and gives a `PrefixProblem`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch

from diffkit import Model, ModelPair, RunContext, Sampling, UserError, self_generated_prompts
from diffkit_plugins.steering_prefix.config import CompletionOptions, SteeringPrefixConfig
from diffkit_plugins.steering_prefix.objectives.completion import CompletionObjective
from diffkit_plugins.steering_prefix.prompts.layout import PromptLayout, PromptSlot
from diffkit_plugins.steering_prefix.prompts.references import ReferenceCompletion, ReferenceModel
from diffkit_plugins.steering_prefix.prompts.suffixes import prompt_slots


@dataclass(frozen=True)
class SuffixItem:
    """A suffix, and what is to be said after it."""

    place: PromptSlot
    reference: ReferenceCompletion
    empty: float
    """Loss of the model without a prefix, in nats per token."""
    floor: float
    """The reference's own loss."""

    @property
    def dependence(self) -> float:
        """What there is for a prefix to gain, in nats per token."""
        return self.empty - self.floor


@dataclass(frozen=True)
class SelectedSuffixes:
    """Suffixes that depend on the reference."""

    items: tuple[SuffixItem, ...]
    tried: int
    """How many were tried."""


@dataclass(frozen=True)
class SuffixSelector:
    """Looks for such suffixes."""

    model: Model
    """Is to read the prefix."""
    reader: ReferenceModel
    """Gives the reference."""
    layout: PromptLayout
    reference: str
    """The prefix that the reference has itself; may be empty."""
    options: CompletionOptions

    def items(self, context: RunContext) -> SelectedSuffixes:
        """Tries suffixes of the texts and of the reference's own, and keeps those that depend most.

        Most first; suffixes of equal dependence stay in the order drawn by the seed.
        """
        tried = self._places(context)
        items = self._items(tried, context.seed)
        depend = [item for item in items if item.dependence > self.options.min_dependence]
        depend.sort(key=lambda item: -item.dependence)
        return SelectedSuffixes(tuple(depend[: self.options.kept_suffixes]), len(tried))

    def _places(self, context: RunContext) -> tuple[PromptSlot, ...]:
        sampling = Sampling(
            max_new_tokens=self.options.suffix_tokens, temperature=1.0, seed=context.seed
        )
        own = self_generated_prompts(self.reader.model, self.options.own_suffixes, sampling)
        given, written = (
            prompt_slots(self.layout, self.options, texts, context.seed)
            for texts in (context.texts, own)
        )
        return tuple(dict.fromkeys([*islice(given, self.options.suffixes), *written]))

    def objective(self, items: Sequence[SuffixItem]) -> CompletionObjective:
        """What a prefix is to do before these suffixes."""
        return self._objective([i.place for i in items], [i.reference for i in items])

    def _items(self, places: Sequence[PromptSlot], seed: int) -> Iterator[SuffixItem]:
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
            yield SuffixItem(place, reference, loss, floor)

    def _objective(
        self, places: Sequence[PromptSlot], references: Sequence[ReferenceCompletion]
    ) -> CompletionObjective:
        return CompletionObjective(
            self.model,
            self.layout,
            places,
            references,
            vocabulary=self.reader.vocabulary,
            options=self.options,
        )


@dataclass(frozen=True)
class PrefixProblem:
    """What a search is for."""

    model: Model
    """Reads the prefix."""
    layout: PromptLayout
    """Writes prompts, and tokenises prefixes given in words."""
    vocabulary: int
    """Tokens that the model and the reference have in common."""
    training: CompletionObjective
    """Without items where too few suffixes depend on the prefix."""
    held_out: CompletionObjective
    """The same."""
    training_items: tuple[SuffixItem, ...]
    """In the order of the objective's items."""
    held_out_items: tuple[SuffixItem, ...]
    """The same."""
    dropped: int
    """Suffixes that were tried and not kept: there is less to explain after them, or nothing."""
    unsplit: int
    """1 where one suffix alone was kept, which cannot be both searched with and held out; else
    0."""

    @property
    def tried(self) -> int:
        """Suffixes that were tried."""
        return len(self.training_items) + len(self.held_out_items) + self.dropped + self.unsplit


def pair_problem(
    pair: ModelPair, config: SteeringPrefixConfig, context: RunContext
) -> PrefixProblem:
    """A prefix that makes one side say what the other says without it.

    Args:
        pair: the two sides; their tokens are the base's.
        config: which side reads the prefix, and the options.
        context: texts, seed and progress.

    Raises:
        UserError: there is no suffix.
    """
    explains = config.objective == "explain"
    model, other = (pair.base, pair.finetuned) if explains else (pair.finetuned, pair.base)
    reader = ReferenceModel(other, pair.vocabulary, config.reference_top, config.batch_size)
    layout = PromptLayout(pair.base.tokenizer, config.separator)
    return _split_problem(SuffixSelector(model, reader, layout, "", config), context)


def match_problem(
    model: Model, reference: str, config: CompletionOptions, context: RunContext
) -> PrefixProblem:
    """A prefix that does within one model what a reference prefix does.

    Args:
        model: reads both.
        reference: the reference prefix, in words.
        config: the options.
        context: texts, seed and progress.

    Raises:
        UserError: the reference prefix is empty, or there is no suffix.
    """
    if not reference.strip():
        hint = "Try: --set reference='Talk about cats.'"
        raise UserError("The reference prefix is empty.", hint=hint)
    reader = ReferenceModel(model, model.vocabulary, config.reference_top, config.batch_size)
    layout = PromptLayout(model.tokenizer, config.separator)
    return _split_problem(SuffixSelector(model, reader, layout, reference, config), context)


def _split_problem(depending: SuffixSelector, context: RunContext) -> PrefixProblem:
    found = depending.items(context)
    if not found.tried:
        hint = "Give texts in which users say something or documents begin, or raise suffixes."
        raise UserError("There is no suffix: neither the texts nor the model give any.", hint=hint)
    halves = _halves(found.items, context.seed)
    training, held_out = (depending.objective(half) for half in halves)
    return PrefixProblem(
        depending.model,
        depending.layout,
        depending.reader.vocabulary,
        training,
        held_out,
        *halves,
        dropped=found.tried - len(found.items),
        unsplit=len(found.items) - sum(map(len, halves)),
    )


def _halves(
    items: Sequence[SuffixItem], seed: int
) -> tuple[tuple[SuffixItem, ...], tuple[SuffixItem, ...]]:
    """Of each two items that depend about alike, one is held out, drawn by the seed.

    One that is left over is searched with, unless it is the only one.

    A draw over all would now and then leave what finetuning taught to one half alone, since few
    suffixes show it and benign drift shows in many.
    """
    chance = torch.Generator().manual_seed(seed)
    swaps = torch.randint(2, (len(items) // 2,), generator=chance).tolist()
    pairs = [(items[2 * i + swap], items[2 * i + 1 - swap]) for i, swap in enumerate(swaps)]
    over = items[2 * len(pairs) :] if pairs else ()
    return (*(one for one, _ in pairs), *over), tuple(other for _, other in pairs)
