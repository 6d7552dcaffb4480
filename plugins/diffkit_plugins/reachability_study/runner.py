"""Runs the experiments in order; the first determines the number of steps of all.

Takes a model, options and texts. Gives the outcomes of all conditions.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from diffkit import Model, RunContext
from diffkit_plugins.reachability_study.config import (
    Experiment,
    ReachabilityStudyConfig,
    StudySettings,
    resolve_settings,
)
from diffkit_plugins.reachability_study.outcomes import ConditionOutcome, StudyResults, still_falls
from diffkit_plugins.reachability_study.prompts import (
    TokenEmbeddings,
    initial_prompts,
    token_sequences,
)
from diffkit_plugins.reachability_study.reference import ReferenceActivations
from diffkit_plugins.reachability_study.searches import BatchSearch, RowCheckpoint
from diffkit_plugins.reachability_study.solvers import (
    FixedPoint,
    GradientDescent,
    Solver,
    TokenSwaps,
)
from diffkit_plugins.reachability_study.targets import ExperimentTask, experiment_task

_ORDER: tuple[Experiment, ...] = ("1", "2a", "2b", "3", "4", "ffn")
_BASIC = ("1", "2a", "2b")


@dataclass(frozen=True)
class ExperimentRunner:
    """Runs the experiments of a study on one model."""

    config: ReachabilityStudyConfig
    settings: StudySettings
    full: ReferenceActivations
    without_ffns: ReferenceActivations
    """Activations of the model without its FFNs."""
    searches: BatchSearch
    seed: int

    @classmethod
    def of(
        cls, model: Model, config: ReachabilityStudyConfig, context: RunContext
    ) -> "ExperimentRunner":
        """Computes the reference activations and draws the starts.

        Raises:
            UserError: the texts are too few or too short, or the options contradict each other.
        """
        chosen = resolve_settings(config)
        ids = token_sequences(model, context.texts, chosen)
        full, without_ffns = (
            ReferenceActivations.of(
                model, ids, after_norm=chosen.after_norm, ffns=ffns, batch_size=config.batch_size
            )
            for ffns in (True, False)
        )
        restarts = max(chosen.restarts, chosen.replaced_restarts)
        vocabulary = TokenEmbeddings.of(model)
        first = initial_prompts(vocabulary, chosen.starts, restarts, chosen.length, context.seed)
        checkpoint = RowCheckpoint(context.checkpoints)
        searches = BatchSearch(first, vocabulary, checkpoint, context, config.batch_size)
        return cls(config, chosen, full, without_ffns, searches, context.seed)

    def run(self) -> StudyResults:
        """Runs the selected experiments in the order of the study's design."""
        falls = self._first_experiment_falls()
        planned, extended = self.settings.steps, self.settings.extended_steps
        steps = max(planned, extended) if falls else planned
        outcomes: list[ConditionOutcome] = []
        by_other_solvers: list[ConditionOutcome] = []
        for experiment in _ORDER:
            if experiment in self.config.experiments:
                task = self._task(experiment)
                outcomes += self.searches.run(task, self._adam(steps))
                by_other_solvers += self._run_other_solvers(experiment, task, steps)
        return StudyResults(tuple(outcomes), tuple(by_other_solvers), steps, planned, falls)

    def _first_experiment_falls(self) -> bool | None:
        """Whether experiment 1 still falls after the planned steps; None if it does not run."""
        if "1" not in self.config.experiments:
            return None
        (outcome,) = self.searches.run(self._task("1"), self._adam(self.settings.steps))
        return still_falls(outcome, self.config.falling)

    def _task(self, experiment: Experiment) -> ExperimentTask:
        return experiment_task(experiment, self.full, self.without_ffns, self.settings, self.seed)

    def _adam(self, steps: int, budget: float | None = None) -> Solver:
        return GradientDescent(steps, self.settings.lr, budget, self.settings.tolerance)

    def _run_other_solvers(
        self, experiment: Experiment, task: ExperimentTask, steps: int
    ) -> Iterator[ConditionOutcome]:
        """Searches for the same targets with the other solvers that the options select."""
        if self.settings.fixed_point:
            yield from self.searches.run(task, FixedPoint(tolerance=self.settings.tolerance))
        if experiment not in _BASIC:
            return
        for budget in self.settings.budgets:
            yield from self.searches.run(task, self._adam(steps, budget))
        if count := self.settings.discrete_targets:
            fewer = replace(task, targets=task.targets[:, :count], restarts=1)
            yield from self.searches.run(fewer, TokenSwaps(self.seed))
