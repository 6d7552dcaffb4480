"""One search after another, each with a budget of its own."""

from diffkit import RunContext
from diffkit_plugins.steering_prefix.checking import checked
from diffkit_plugins.steering_prefix.ledger import Ledger
from diffkit_plugins.steering_prefix.meter import Meter
from diffkit_plugins.steering_prefix.objective import Objective
from diffkit_plugins.steering_prefix.optimiser import Budget, Task
from diffkit_plugins.steering_prefix.optimisers.named import OPTIMISERS, optimiser
from diffkit_plugins.steering_prefix.prune import as_tried, prune, reserve
from diffkit_plugins.steering_prefix.scoring import Scorer
from diffkit_plugins.steering_prefix.search_options import SearchOptions
from diffkit_plugins.steering_prefix.searched import Search
from diffkit_plugins.steering_prefix.space import TokenSpace

_SPREAD = 1_000_003
"""Keeps the searches of neighbouring seeds apart."""


class Searcher:
    """Runs searches for one objective; what an earlier process finished is not run again."""

    def __init__(
        self, objective: Objective, options: SearchOptions, context: RunContext, name: str
    ) -> None:
        self._objective, self._options, self._context = objective, options, context
        self._name = name
        self._ledger = Ledger(context.checkpoints)

    def search(self, method: str, space: TokenSpace, number: int, restart: int) -> Search:
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

    def _run(self, key: str, method: str, space: TokenSpace, number: int, restart: int) -> Search:
        meter = Meter(self._context, f"{self._name}: {method}")
        task = self._task(key, space, number, restart, meter)
        found = optimiser(method).search(task)
        if method not in OPTIMISERS:
            found = checked(found, task, method)
        meter.end()
        task.budget.total = self._options.budget
        best = prune(Scorer(task), found) if self._options.prune else as_tried(found)
        return Search(
            method, number, restart, found, best.ids, best.loss, space.text(best.ids), best.penalty
        )

    def _task(self, key: str, space: TokenSpace, number: int, restart: int, meter: Meter) -> Task:
        options, ledger = self._options, self._ledger
        kept_back = reserve(options, self._objective.items) if options.prune else 0
        budget = Budget(options.budget - kept_back)
        return Task(
            self._objective,
            space,
            options,
            budget,
            seed=self._context.seed * _SPREAD + 1_009 * number + restart,
            tell=meter.over(budget),
            left=ledger.left(key),
            keep=lambda make: ledger.keep(key, make),
        )
