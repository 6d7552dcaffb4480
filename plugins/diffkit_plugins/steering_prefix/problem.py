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
    """A suffix with its reference completion."""

    slot: PromptSlot
    reference: ReferenceCompletion
    empty: float
    """Loss of the model without a prefix, in nats per token."""
    floor: float
    """Loss of the reference itself."""

    @property
    def dependence(self) -> float:
        """What a prefix can gain, in nats per token."""
        return self.empty - self.floor


@dataclass(frozen=True)
class SelectedSuffixes:
    """Suffixes whose completions depend on the reference."""

    items: tuple[SuffixItem, ...]
    tried: int
    """How many suffixes were tried."""


@dataclass(frozen=True)
class SuffixSelector:
    """Selects suffixes whose completions depend most on the reference."""

    model: Model
    """The model that reads the prefix."""
    reference_model: ReferenceModel
    layout: PromptLayout
    reference_prefix: str
    """The prefix that the reference model reads; may be empty."""
    options: CompletionOptions

    def select(self, context: RunContext) -> SelectedSuffixes:
        """Tries suffixes of the texts and of the reference model, and keeps the most dependent.

        They are in order of dependence; suffixes of equal dependence stay in random order.
        """
        tried = self._slots(context)
        items = self._items(tried, context.seed)
        dependent = [item for item in items if item.dependence > self.options.min_dependence]
        dependent.sort(key=lambda item: -item.dependence)
        return SelectedSuffixes(tuple(dependent[: self.options.kept_suffixes]), len(tried))

    def _slots(self, context: RunContext) -> tuple[PromptSlot, ...]:
        sampling = Sampling(
            max_new_tokens=self.options.suffix_tokens,
            temperature=1.0,
            min_p=self.options.min_p,
            seed=context.seed,
        )
        own = self_generated_prompts(
            self.reference_model.model, self.options.own_suffixes, sampling
        )
        given, generated = (
            prompt_slots(self.layout, self.options, texts, context.seed)
            for texts in (context.texts, own)
        )
        return tuple(dict.fromkeys([*islice(given, self.options.suffixes), *generated]))

    def objective(self, items: Sequence[SuffixItem]) -> CompletionObjective:
        """The objective of a prefix before these suffixes."""
        return self._objective([i.slot for i in items], [i.reference for i in items])

    def _items(self, slots: Sequence[PromptSlot], seed: int) -> Iterator[SuffixItem]:
        sampling = Sampling(
            max_new_tokens=self.options.completion_tokens,
            temperature=0.0 if self.options.decoding == "greedy" else 1.0,
            min_p=self.options.min_p,
            seed=seed,
        )
        prompts = [slot.prompt(self.layout.prefix(self.reference_prefix, slot)) for slot in slots]
        references = self.reference_model.complete(prompts, sampling, range(len(prompts)))
        objective = self._objective(slots, references)
        empty = objective.empty.tolist()
        floors = objective.floors.tolist()
        for slot, reference, loss, floor in zip(slots, references, empty, floors, strict=True):
            yield SuffixItem(slot, reference, loss, floor)

    def _objective(
        self, slots: Sequence[PromptSlot], references: Sequence[ReferenceCompletion]
    ) -> CompletionObjective:
        return CompletionObjective(
            self.model,
            self.layout,
            slots,
            references,
            vocabulary=self.reference_model.vocabulary,
            options=self.options,
        )


@dataclass(frozen=True)
class PrefixProblem:
    """A search problem: the model, and training and held-out suffixes."""

    model: Model
    """The model that reads the prefix."""
    layout: PromptLayout
    """Builds prompts, and tokenises prefixes given in words."""
    vocabulary: int
    """Tokens that the model and the reference have in common."""
    training: CompletionObjective
    """Without items if too few suffixes depend on the prefix."""
    held_out: CompletionObjective
    """The same for held-out items."""
    training_items: tuple[SuffixItem, ...]
    """In the order of the objective's items."""
    held_out_items: tuple[SuffixItem, ...]
    """The same for held-out items."""
    dropped: int
    """Suffixes that were tried and not kept, since there is less to explain after them."""
    unsplit: int
    """1 if only one suffix was kept, which cannot be both training and held out; else 0."""

    @property
    def tried(self) -> int:
        """Suffixes that were tried."""
        return len(self.training_items) + len(self.held_out_items) + self.dropped + self.unsplit


def pair_problem(
    pair: ModelPair, config: SteeringPrefixConfig, context: RunContext
) -> PrefixProblem:
    """The problem of a prefix that makes one side generate what the other does without it.

    Args:
        pair: the two sides, both with the tokens of the base.
        config: the options, and which side reads the prefix.
        context: texts, seed and progress.

    Raises:
        UserError: there is no suffix.
    """
    explains = config.objective == "explain"
    model, explained = (pair.base, pair.finetuned) if explains else (pair.finetuned, pair.base)
    reference = ReferenceModel(explained, pair.vocabulary, config.reference_top, config.batch_size)
    layout = PromptLayout(pair.base.tokenizer, config.separator)
    return _split_problem(SuffixSelector(model, reference, layout, "", config), context)


def match_problem(
    model: Model, reference: str, config: CompletionOptions, context: RunContext
) -> PrefixProblem:
    """The problem of a prefix with the same effect on one model as a reference prefix.

    Args:
        model: reads both prefixes.
        reference: the reference prefix, in words.
        config: the options.
        context: texts, seed and progress.

    Raises:
        UserError: the reference prefix is empty, or there is no suffix.
    """
    if not reference.strip():
        hint = "Try: --set reference='Talk about cats.'"
        raise UserError("The reference prefix is empty.", hint=hint)
    reference_model = ReferenceModel(
        model, model.vocabulary, config.reference_top, config.batch_size
    )
    layout = PromptLayout(model.tokenizer, config.separator)
    return _split_problem(
        SuffixSelector(model, reference_model, layout, reference, config), context
    )


def _split_problem(selector: SuffixSelector, context: RunContext) -> PrefixProblem:
    selected = selector.select(context)
    if not selected.tried:
        hint = "Give texts in which users say something or documents begin, or raise suffixes."
        raise UserError("There is no suffix: neither the texts nor the model give any.", hint=hint)
    halves = _halves(selected.items, context.seed)
    training, held_out = (selector.objective(half) for half in halves)
    return PrefixProblem(
        selector.model,
        selector.layout,
        selector.reference_model.vocabulary,
        training,
        held_out,
        *halves,
        dropped=selected.tried - len(selected.items),
        unsplit=len(selected.items) - sum(map(len, halves)),
    )


def _halves(
    items: Sequence[SuffixItem], seed: int
) -> tuple[tuple[SuffixItem, ...], tuple[SuffixItem, ...]]:
    """Holds out one item at random of each two of similar dependence.

    A last one without a partner is for training, unless it is the only one.

    A random split of all items could put all suffixes that show what finetuning taught into one
    half, since they are few, and most suffixes show benign drift.
    """
    generator = torch.Generator().manual_seed(seed)
    swaps = torch.randint(2, (len(items) // 2,), generator=generator).tolist()
    pairs = [(items[2 * i + swap], items[2 * i + 1 - swap]) for i, swap in enumerate(swaps)]
    last = items[2 * len(pairs) :] if pairs else ()
    return (*(one for one, _ in pairs), *last), tuple(other for _, other in pairs)
