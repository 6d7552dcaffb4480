"""Which prefix is searched for: what reads it, what it is to bring about, and before what."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from diffkit import Model, ModelPair, RunContext, UserError
from diffkit_plugins.steering_prefix.completions import CompletionObjective
from diffkit_plugins.steering_prefix.config import SteeringPrefixConfig
from diffkit_plugins.steering_prefix.depending import Depending, Item
from diffkit_plugins.steering_prefix.layout import Layout
from diffkit_plugins.steering_prefix.references import Reader
from diffkit_plugins.steering_prefix.search_options import CompletionOptions


@dataclass(frozen=True)
class Problem:
    """What a search is for."""

    model: Model
    """Reads the prefix."""
    layout: Layout
    """Writes prompts, and tokenises prefixes given in words."""
    vocabulary: int
    """Tokens that the model and the reference have in common."""
    training: CompletionObjective
    """Without items where too few suffixes depend on the prefix."""
    held_out: CompletionObjective
    """The same."""
    training_items: tuple[Item, ...]
    """In the order of the objective's items."""
    held_out_items: tuple[Item, ...]
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


def pair_problem(pair: ModelPair, config: SteeringPrefixConfig, context: RunContext) -> Problem:
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
    reader = Reader(other, pair.vocabulary, config.reference_top, config.batch_size)
    layout = Layout(pair.base.tokenizer, config.separator)
    return _problem(Depending(model, reader, layout, "", config), context)


def match_problem(
    model: Model, reference: str, config: CompletionOptions, context: RunContext
) -> Problem:
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
        cure = "Try: --set reference='Talk about cats.'"
        raise UserError("The reference prefix is empty.", cure=cure)
    reader = Reader(model, model.vocabulary, config.reference_top, config.batch_size)
    layout = Layout(model.tokenizer, config.separator)
    return _problem(Depending(model, reader, layout, reference, config), context)


def _problem(depending: Depending, context: RunContext) -> Problem:
    found = depending.items(context)
    if not found.tried:
        cure = "Give texts in which users say something or documents begin, or raise suffixes."
        raise UserError("There is no suffix: neither the texts nor the model give any.", cure=cure)
    halves = _halves(found.items, context.seed)
    training, held_out = (depending.objective(half) for half in halves)
    return Problem(
        depending.model,
        depending.layout,
        depending.reader.vocabulary,
        training,
        held_out,
        *halves,
        dropped=found.tried - len(found.items),
        unsplit=len(found.items) - sum(map(len, halves)),
    )


def _halves(items: Sequence[Item], seed: int) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
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
