"""Runs the experiments in order: the first decides how many steps the others take."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from diffkit import Model, RunContext
from diffkit_plugins.reachability_study.config import Experiment, ReachabilityStudyConfig
from diffkit_plugins.reachability_study.curves import still_falls
from diffkit_plugins.reachability_study.experiments import Task, task
from diffkit_plugins.reachability_study.outcome import Outcome
from diffkit_plugins.reachability_study.presets import Settings, settings
from diffkit_plugins.reachability_study.reference import Reference
from diffkit_plugins.reachability_study.results import Results
from diffkit_plugins.reachability_study.rows import Ledger
from diffkit_plugins.reachability_study.searches import Searches
from diffkit_plugins.reachability_study.sequences import sequences
from diffkit_plugins.reachability_study.solver import (
    FixedPoint,
    GradientDescent,
    Solver,
    TokenSwaps,
)
from diffkit_plugins.reachability_study.starts import starts
from diffkit_plugins.reachability_study.vocabulary import Vocabulary

_ORDER: tuple[Experiment, ...] = ("1", "2a", "2b", "3", "4", "ffn")
_BASIC = ("1", "2a", "2b")


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
        vocabulary = Vocabulary.of(model)
        first = starts(vocabulary, chosen.starts, restarts, chosen.length, context.seed)
        ledger = Ledger(context.checkpoints)
        searches = Searches(first, vocabulary, ledger, context, config.batch_size)
        return cls(config, chosen, whole, bare, searches, context.seed)

    def run(self) -> Results:
        """Carries out the experiments that are asked for, in the order of the study's design."""
        falls = self._first_falls()
        planned, more = self.settings.steps, self.settings.extended_steps
        steps = max(planned, more) if falls else planned
        outcomes: list[Outcome] = []
        beside: list[Outcome] = []
        for experiment in _ORDER:
            if experiment in self.config.experiments:
                own = self._task(experiment)
                outcomes += self.searches.outcomes(own, self._adam(steps))
                beside += self._beside(experiment, own, steps)
        return Results(tuple(outcomes), tuple(beside), steps, planned, falls)

    def _first_falls(self) -> bool | None:
        """Whether experiment 1 still falls after the planned steps; none if it is left out."""
        if "1" not in self.config.experiments:
            return None
        (outcome,) = self.searches.outcomes(self._task("1"), self._adam(self.settings.steps))
        return still_falls(outcome, self.config.falling)

    def _task(self, experiment: Experiment) -> Task:
        return task(experiment, self.whole, self.bare, self.settings, self.seed)

    def _adam(self, steps: int, budget: float | None = None) -> Solver:
        return GradientDescent(steps, self.settings.lr, budget, self.settings.tolerance)

    def _beside(self, experiment: Experiment, own: Task, steps: int) -> Iterator[Outcome]:
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
