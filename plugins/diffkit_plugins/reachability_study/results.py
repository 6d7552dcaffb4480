"""All that a study measured."""

from dataclasses import dataclass

from diffkit_plugins.reachability_study.config import Experiment
from diffkit_plugins.reachability_study.outcome import Outcome


@dataclass(frozen=True)
class Results:
    """Outcomes by experiment, in the order in which they ran."""

    outcomes: tuple[Outcome, ...]
    """By Adam without a bound: the study's design."""
    beside: tuple[Outcome, ...]
    """By other solvers, for the same targets."""
    steps: int
    """Adam's, after the extension if there was one."""
    planned: int
    """Adam's steps before any extension."""
    still_fell: bool | None
    """Whether experiment 1's median loss still fell at its planned end; none if it did not run."""

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """Those that ran, in order."""
        return tuple(dict.fromkeys(outcome.condition.experiment for outcome in self.outcomes))

    def of(self, experiment: Experiment) -> tuple[Outcome, ...]:
        """The outcomes of an experiment; none where it did not run."""
        return tuple(o for o in self.outcomes if o.condition.experiment == experiment)

    def named(self, name: str) -> Outcome | None:
        """The outcome of the condition of that name, or none."""
        return next((o for o in self.outcomes if o.condition.name == name), None)
