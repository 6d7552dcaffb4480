"""Runs the experiments in order: the first decides how many steps the others take."""

from collections.abc import Iterator
from dataclasses import dataclass

from diffkit import Model, RunContext
from diffkit_plugins.reachability_study.config import Experiment, ReachabilityStudyConfig
from diffkit_plugins.reachability_study.curves import still_falls
from diffkit_plugins.reachability_study.experiments import Task, tasks
from diffkit_plugins.reachability_study.presets import Settings, settings
from diffkit_plugins.reachability_study.reference import Reference
from diffkit_plugins.reachability_study.results import Results
from diffkit_plugins.reachability_study.rows import Ledger
from diffkit_plugins.reachability_study.searches import Searches
from diffkit_plugins.reachability_study.sequences import sequences
from diffkit_plugins.reachability_study.solver import FORWARD_PASSES, Solver
from diffkit_plugins.reachability_study.starts import starts, typical_norm

_ORDER: tuple[Experiment, ...] = ("1", "2a", "2b", "3", "4", "ffn")
_BUDGETED = ("1", "2a", "2b")


@dataclass(frozen=True)
class Laboratory:
    """A model's real streams, and what is needed to search for prompts."""

    config: ReachabilityStudyConfig
    settings: Settings
    whole: Reference
    bare: Reference
    """Without FFNs."""
    searches: Searches
    seed: int

    @classmethod
    def of(cls, model: Model, config: ReachabilityStudyConfig, context: RunContext) -> "Laboratory":
        """Reads the real sequences and draws the starts.

        Raises:
            UserError: the texts are too few or too short, or the options contradict each other.
        """
        chosen = settings(config)
        ids = sequences(model, context.texts, chosen)
        whole, bare = (
            Reference.of(
                model, ids, after_norm=chosen.after_norm, ffns=ffns, batch_size=config.batch_size
            )
            for ffns in (True, False)
        )
        restarts = max(chosen.restarts, chosen.replaced_restarts)
        first = starts(model, chosen.starts, restarts, chosen.length, context.seed)
        ledger = Ledger(context.checkpoints)
        searches = Searches(first, typical_norm(model), ledger, context, config.batch_size)
        return cls(config, chosen, whole, bare, searches, context.seed)

    def run(self) -> Results:
        """Carries out the experiments that are asked for, in the order of the study's design."""
        steps = self._steps()
        outcomes, beside = [], []
        for task in self._tasks():
            outcomes.append(self.searches.outcome(task, self._adam(steps)))
            beside += [self.searches.outcome(task, solver) for solver in self._others(task, steps)]
        extended = steps != self.settings.steps
        return Results(tuple(outcomes), tuple(beside), steps, extended)

    def _steps(self) -> int:
        """Adam's steps everywhere: more than planned if experiment 1 still falls after those."""
        planned, more = self.settings.steps, self.settings.extended_steps
        if "1" not in self.config.experiments or more <= planned:
            return planned
        (first,) = self._of("1")
        falls = still_falls(self.searches.outcome(first, self._adam(planned)), self.config.falling)
        return more if falls else planned

    def _tasks(self) -> Iterator[Task]:
        for experiment in _ORDER:
            if experiment in self.config.experiments:
                yield from self._of(experiment)

    def _of(self, experiment: Experiment) -> Iterator[Task]:
        return tasks(experiment, self.whole, self.bare, self.settings, self.seed)

    def _adam(self, steps: int, budget: float | None = None) -> Solver:
        return Solver("adam", steps, self.settings.lr, budget)

    def _others(self, task: Task, steps: int) -> Iterator[Solver]:
        if self.settings.fixed_point:
            yield Solver("anderson", FORWARD_PASSES, self.settings.lr)
        if task.condition.experiment in _BUDGETED:
            for budget in self.settings.budgets:
                yield self._adam(steps, budget)
