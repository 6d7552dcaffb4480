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
    """Readings that are reserved for pruning: two rounds, but at most a tenth of the budget."""
    return min(2 * options.length * (items + 1), options.budget // 10)


def as_scored(result: SearchResult) -> ScoredPrefix:
    """The result of an optimiser, with its mean loss in place of one loss for each item."""
    return ScoredPrefix(
        result.ids, torch.tensor([result.loss], dtype=torch.float64), result.penalty
    )


def prune(scorer: PrefixScorer, result: SearchResult) -> ScoredPrefix:
    """Removes tokens, one at a time, as long as the loss does not rise.

    Each round scores the prefix without each of its tokens, on all items, and removes the token
    with the least effect (the pass that arXiv 2412.08127 recommends). At least one token stays.

    Args:
        scorer: its options limit how far the loss may rise, its budget how much is read.
        result: the result of an optimiser.
    """
    best = as_scored(result)
    while len(best.ids) > 1 and scorer.affords(len(best.ids) * (scorer.items + 1)):
        shorter = dict.fromkeys(best.ids[:i] + best.ids[i + 1 :] for i in range(len(best.ids)))
        prefixes = torch.stack([scorer.tensor(ids) for ids in shorter])
        prefixes = prefixes[scorer.task.space.accepts(prefixes)]
        if not len(prefixes):
            break
        least = min(scorer.score(prefixes), key=lambda scored: scored.total)
        if least.total > best.total + scorer.task.options.prune_tolerance:
            break
        best = least
    return best


class BudgetProgress:
    """A progress bar that shows how much of a budget is spent.

    Args:
        context: of the run; it draws the bar.
        label: of the bar.
    """

    def __init__(self, context: RunContext, label: str) -> None:
        self._context = context
        self._bar = iter(context.progress(range(100), label=label))
        self._shown = 0

    def callback(self, budget: ReadingBudget) -> Callable[[str], None]:
        """A function that an optimiser calls after each step with a text for the user."""

        def status(text: str) -> None:
            self._context.status(text)
            self._advance_to(100 * budget.spent // max(budget.total, 1))

        return status

    def close(self) -> None:
        """Fills the bar, and closes it."""
        self._advance_to(100)
        next(self._bar, None)

    def _advance_to(self, percent: int) -> None:
        for _ in range(min(percent, 100) - self._shown):
            next(self._bar, None)
        self._shown = max(self._shown, min(percent, 100))


_SEED_STRIDE = 1_000_003
"""Makes the random numbers of neighbouring seeds differ."""


class SearchRunner:
    """Runs searches for one objective, and skips those that an earlier process finished."""

    def __init__(
        self, objective: PrefixObjective, options: SearchOptions, context: RunContext, name: str
    ) -> None:
        self._objective, self._options, self._context = objective, options, context
        self._name = name
        self._checkpoints = SearchCheckpoints(context.checkpoints)

    def run(self, method: str, space: TokenSpace, number: int, restart: int) -> SearchRun:
        """Runs one search with one optimiser, and prunes its result.

        Args:
            method: the optimiser's name.
            space: the tokens that the prefix may hold.
            number: of the successive prefix.
            restart: of the start.
        """
        key = f"{self._name}/{method}/{number}/{restart}"
        finished = self._checkpoints.load_finished(key)
        if finished is None:
            finished = self._search(key, method, space, number, restart)
            self._checkpoints.save_finished(key, finished)
        return finished

    def _search(
        self, key: str, method: str, space: TokenSpace, number: int, restart: int
    ) -> SearchRun:
        progress = BudgetProgress(self._context, f"{self._name}: {method}")
        task = self._task(key, space, number, restart, progress)
        result = load_optimiser(method).search(task)
        if method not in OPTIMISERS:
            result = validate_result(result, task, method)
        progress.close()
        task.budget.total = self._options.budget
        best = prune(PrefixScorer(task), result) if self._options.prune else as_scored(result)
        return SearchRun(
            method,
            number,
            restart,
            result,
            best.ids,
            best.loss,
            self._objective.words(best.ids),
            best.penalty,
        )

    def _task(
        self, key: str, space: TokenSpace, number: int, restart: int, progress: BudgetProgress
    ) -> SearchTask:
        options, checkpoints = self._options, self._checkpoints
        reserved = pruning_reserve(options, self._objective.items) if options.prune else 0
        budget = ReadingBudget(options.budget - reserved)
        return SearchTask(
            self._objective,
            space,
            options,
            budget,
            seed=self._context.seed * _SEED_STRIDE + 1_009 * number + restart,
            status=progress.callback(budget),
            checkpoint=checkpoints.load_partial(key),
            save_checkpoint=lambda make: checkpoints.save_partial(key, make),
        )


def run_searches(
    objective: PrefixObjective,
    space: TokenSpace,
    options: SearchOptions,
    context: RunContext,
    *,
    name: str = "prefix",
) -> SearchOutcome:
    """Searches for a prefix with a low loss.

    An interrupted run continues from its last checkpoint.

    Args:
        objective: the training items alone.
        space: the tokens that the prefix may hold.
        options: optimiser, budget, restarts, and the rest.
        context: seed, progress and checkpoints.
        name: of this call; each call within a run needs its own.

    Raises:
        UserError: there is no such optimiser, or no prefix of the length is allowed.
    """
    runner = SearchRunner(objective, options, context, name)
    groups = _successive_runs(runner, space, options, context)
    successive = tuple(min(group, key=lambda one: one.total) for group in groups)
    others = [other for other in OPTIMISERS if options.compare and other != options.optimiser]
    compared = [runner.run(other, space, number=0, restart=0) for other in others]
    return SearchOutcome(
        best=successive[0],
        searches=tuple(one for group in groups for one in group),
        successive=successive,
        compared=(groups[0][0], *compared) if options.compare else (),
    )


def _successive_runs(
    runner: SearchRunner, space: TokenSpace, options: SearchOptions, context: RunContext
) -> Sequence[Sequence[SearchRun]]:
    """The restarts of each successive prefix, which avoids the words of earlier ones."""
    groups: list[list[SearchRun]] = []
    for number in range(options.successive):
        try:
            if groups:
                space = _avoiding(space, min(groups[-1], key=lambda one: one.total), options)
            restarts = range(options.restarts)
            groups.append([runner.run(options.optimiser, space, number, r) for r in restarts])
        except NoPrefixError as error:
            if not groups:
                raise
            context.log.warning("%d prefixes differ; no more: %s", len(groups), error)
            break
    return groups


def _avoiding(space: TokenSpace, before: SearchRun, options: SearchOptions) -> TokenSpace:
    """The space without the words of a prefix, or with a penalty on them if bans are penalties."""
    words = space.words_of(before.ids)
    if options.ban_weight is None or not words:
        return space.without(words)
    return space.penalising(words, options.ban_weight)
