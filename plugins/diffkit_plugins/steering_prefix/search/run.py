"""Runs searches: restarts, successive prefixes, and all optimisers compared.

Takes an objective, a token space and options. Gives a `SearchOutcome`, with pruned prefixes.
"""

from collections.abc import Callable, Sequence

import torch

from diffkit import RunContext
from diffkit_plugins.steering_prefix.config import SearchOptions
from diffkit_plugins.steering_prefix.objectives.base import PrefixObjective
from diffkit_plugins.steering_prefix.optimisers.registry import OPTIMISERS, load_optimiser
from diffkit_plugins.steering_prefix.search.optimiser import ReadingBudget, SearchResult, SearchTask
from diffkit_plugins.steering_prefix.search.results import (
    SearchCheckpoints,
    SearchOutcome,
    SearchRun,
)
from diffkit_plugins.steering_prefix.search.scorer import PrefixScorer, ScoredPrefix
from diffkit_plugins.steering_prefix.search.token_space import NoPrefixError, TokenSpace
from diffkit_plugins.steering_prefix.search.validation import validate_result


def pruning_reserve(options: SearchOptions, items: int) -> int:
    """Readings that a search sets aside for pruning: two rounds, but at most a tenth of all."""
    return min(2 * options.length * (items + 1), options.budget // 10)


def as_scored(found: SearchResult) -> ScoredPrefix:
    """What an optimiser found, its mean loss standing for those on the items."""
    return ScoredPrefix(found.ids, torch.tensor([found.loss], dtype=torch.float64), found.penalty)


def prune(scorer: PrefixScorer, found: SearchResult) -> ScoredPrefix:
    """Leaves tokens out, one at a time, as long as the prefix does no worse.

    Each round reads the prefix without each of its tokens, with every item, and takes out the one
    that is missed least (the pass that arXiv 2412.08127 calls for). At least one token stays.

    Args:
        scorer: whose options and budget bound what is lost and read.
        found: the prefix.
    """
    best = as_scored(found)
    while len(best.ids) > 1 and scorer.affords(len(best.ids) * (scorer.items + 1)):
        shorter = dict.fromkeys(best.ids[:i] + best.ids[i + 1 :] for i in range(len(best.ids)))
        prefixes = torch.stack([scorer.tensor(ids) for ids in shorter])
        prefixes = prefixes[scorer.task.space.keeps(prefixes)]
        if not len(prefixes):
            break
        least = min(scorer.wholes(prefixes), key=lambda tried: tried.total)
        if least.total > best.total + scorer.task.options.prune_tolerance:
            break
        best = least
    return best


class BudgetProgress:
    """A bar that goes on as a budget is spent, with words beside it.

    Args:
        context: whose progress and words are used.
        label: of the bar.
    """

    def __init__(self, context: RunContext, label: str) -> None:
        self._context = context
        self._bar = iter(context.progress(range(100), label=label))
        self._shown = 0

    def over(self, budget: ReadingBudget) -> Callable[[str], None]:
        """What tells, after each step, of a search with this budget."""

        def status(words: str) -> None:
            self._context.status(words)
            self._go_to(100 * budget.spent // max(budget.total, 1))

        return status

    def end(self) -> None:
        """Fills the bar, and closes it."""
        self._go_to(100)
        next(self._bar, None)

    def _go_to(self, percent: int) -> None:
        for _ in range(min(percent, 100) - self._shown):
            next(self._bar, None)
        self._shown = max(self._shown, min(percent, 100))


_SEED_STRIDE = 1_000_003
"""Keeps the searches of neighbouring seeds apart."""


class SearchRunner:
    """Runs searches for one objective; what an earlier process finished is not run again."""

    def __init__(
        self, objective: PrefixObjective, options: SearchOptions, context: RunContext, name: str
    ) -> None:
        self._objective, self._options, self._context = objective, options, context
        self._name = name
        self._ledger = SearchCheckpoints(context.checkpoints)

    def search(self, method: str, space: TokenSpace, number: int, restart: int) -> SearchRun:
        """One search with one optimiser, and the pruning after it.

        Args:
            method: the optimiser's name.
            space: the tokens that the prefix may be made of.
            number: of the successive prefix.
            restart: of the start.
        """
        key = f"{self._name}/{method}/{number}/{restart}"
        done = self._ledger.finished(key)
        if done is None:
            done = self._run(key, method, space, number, restart)
            self._ledger.finish(key, done)
        return done

    def _run(
        self, key: str, method: str, space: TokenSpace, number: int, restart: int
    ) -> SearchRun:
        meter = BudgetProgress(self._context, f"{self._name}: {method}")
        task = self._task(key, space, number, restart, meter)
        found = load_optimiser(method).search(task)
        if method not in OPTIMISERS:
            found = validate_result(found, task, method)
        meter.end()
        task.budget.total = self._options.budget
        best = prune(PrefixScorer(task), found) if self._options.prune else as_scored(found)
        return SearchRun(
            method, number, restart, found, best.ids, best.loss, space.text(best.ids), best.penalty
        )

    def _task(
        self, key: str, space: TokenSpace, number: int, restart: int, meter: BudgetProgress
    ) -> SearchTask:
        options, ledger = self._options, self._ledger
        kept_back = pruning_reserve(options, self._objective.items) if options.prune else 0
        budget = ReadingBudget(options.budget - kept_back)
        return SearchTask(
            self._objective,
            space,
            options,
            budget,
            seed=self._context.seed * _SEED_STRIDE + 1_009 * number + restart,
            status=meter.over(budget),
            left=ledger.left(key),
            keep=lambda make: ledger.keep(key, make),
        )


def run_searches(
    objective: PrefixObjective,
    space: TokenSpace,
    options: SearchOptions,
    context: RunContext,
    *,
    name: str = "prefix",
) -> SearchOutcome:
    """Searches for a prefix with a low loss, as the options say.

    A run that was interrupted goes on from its last checkpoint.

    Args:
        objective: the training items alone.
        space: the tokens that the prefix may be made of.
        options: optimiser, budget, restarts, and the rest.
        context: seed, progress and checkpoints.
        name: what is searched for; where a run searches several times, each needs its own.

    Raises:
        UserError: there is no such optimiser, or no prefix of the length is allowed.
    """
    searcher = SearchRunner(objective, options, context, name)
    groups = _successive_runs(searcher, space, options, context)
    successive = tuple(min(group, key=lambda one: one.total) for group in groups)
    others = [other for other in OPTIMISERS if options.compare and other != options.optimiser]
    compared = [searcher.search(other, space, number=0, restart=0) for other in others]
    return SearchOutcome(
        best=successive[0],
        searches=tuple(one for group in groups for one in group),
        successive=successive,
        compared=(groups[0][0], *compared) if options.compare else (),
    )


def _successive_runs(
    searcher: SearchRunner, space: TokenSpace, options: SearchOptions, context: RunContext
) -> Sequence[Sequence[SearchRun]]:
    """The restarts of each successive prefix, which is kept from the words of those before."""
    groups: list[list[SearchRun]] = []
    for number in range(options.successive):
        try:
            if groups:
                space = _avoiding(space, min(groups[-1], key=lambda one: one.total), options)
            restarts = range(options.restarts)
            groups.append([searcher.search(options.optimiser, space, number, r) for r in restarts])
        except NoPrefixError as error:
            if not groups:
                raise
            context.log.warning("%d prefixes differ; no more: %s", len(groups), error)
            break
    return groups


def _avoiding(space: TokenSpace, before: SearchRun, options: SearchOptions) -> TokenSpace:
    """A space in which the words of a prefix are banned, or penalised where bans are penalties."""
    said = space.said(before.ids)
    if options.ban_weight is None or not said:
        return space.without(said)
    return space.penalising(said, options.ban_weight)
