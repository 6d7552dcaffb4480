"""Runs the experiments in order; the first sets how many steps the others take."""

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
    """A model's real streams, and what is needed to search for prompts."""

    config: ReachabilityStudyConfig
    settings: StudySettings
    whole: ReferenceActivations
    bare: ReferenceActivations
    """Without FFNs."""
    searches: BatchSearch
    seed: int

    @classmethod
    def of(
        cls, model: Model, config: ReachabilityStudyConfig, context: RunContext
    ) -> "ExperimentRunner":
        """Reads the real sequences and draws the starts.

        Raises:
            UserError: the texts are too few or too short, or the options contradict each other.
        """
        chosen = resolve_settings(config)
        ids = token_sequences(model, context.texts, chosen)
        whole, bare = (
            ReferenceActivations.of(
                model, ids, after_norm=chosen.after_norm, ffns=ffns, batch_size=config.batch_size
            )
            for ffns in (True, False)
        )
        restarts = max(chosen.restarts, chosen.replaced_restarts)
        vocabulary = TokenEmbeddings.of(model)
        first = initial_prompts(vocabulary, chosen.starts, restarts, chosen.length, context.seed)
        ledger = RowCheckpoint(context.checkpoints)
        searches = BatchSearch(first, vocabulary, ledger, context, config.batch_size)
        return cls(config, chosen, whole, bare, searches, context.seed)

    def run(self) -> StudyResults:
        """Carries out the experiments that are asked for, in the order of the study's design."""
        falls = self._first_falls()
        planned, more = self.settings.steps, self.settings.extended_steps
        steps = max(planned, more) if falls else planned
        outcomes: list[ConditionOutcome] = []
        beside: list[ConditionOutcome] = []
        for experiment in _ORDER:
            if experiment in self.config.experiments:
                own = self._task(experiment)
                outcomes += self.searches.outcomes(own, self._adam(steps))
                beside += self._beside(experiment, own, steps)
        return StudyResults(tuple(outcomes), tuple(beside), steps, planned, falls)

    def _first_falls(self) -> bool | None:
        """Whether experiment 1 still falls after the planned steps; none if it is left out."""
        if "1" not in self.config.experiments:
            return None
        (outcome,) = self.searches.outcomes(self._task("1"), self._adam(self.settings.steps))
        return still_falls(outcome, self.config.falling)

    def _task(self, experiment: Experiment) -> ExperimentTask:
        return experiment_task(experiment, self.whole, self.bare, self.settings, self.seed)

    def _adam(self, steps: int, budget: float | None = None) -> Solver:
        return GradientDescent(steps, self.settings.lr, budget, self.settings.tolerance)

    def _beside(
        self, experiment: Experiment, own: ExperimentTask, steps: int
    ) -> Iterator[ConditionOutcome]:
        """The same targets by the other solvers that are asked for."""
        if self.settings.fixed_point:
            yield from self.searches.outcomes(own, FixedPoint(tolerance=self.settings.tolerance))
        if experiment not in _BASIC:
            return
        for budget in self.settings.budgets:
            yield from self.searches.outcomes(own, self._adam(steps, budget))
        if few := self.settings.discrete_targets:
            fewer = replace(own, targets=own.targets[:, :few], restarts=1)
            yield from self.searches.outcomes(fewer, TokenSwaps(self.seed))
