"""The report of a search by completions: all findings in order, and metrics.

Takes an evaluator, searches and random prefixes. Gives findings and metrics.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from diffkit import Finding
from diffkit_plugins.steering_prefix.baselines import LossDisplay, PrefixBaselines, RandomPrefixes
from diffkit_plugins.steering_prefix.evaluation import PrefixEvaluation, PrefixEvaluator
from diffkit_plugins.steering_prefix.problem import SuffixItem
from diffkit_plugins.steering_prefix.prompts.references import Continuation
from diffkit_plugins.steering_prefix.report.curves import (
    loss_distribution,
    progress_series,
    search_lines,
)
from diffkit_plugins.steering_prefix.report.notes import retokenisation_notes, summary_note
from diffkit_plugins.steering_prefix.report.tables import (
    agreement_table,
    comparison_table,
    found_table,
    loss_table,
)
from diffkit_plugins.steering_prefix.report.texts import (
    ReportWording,
    distinguishing_words,
    explained_samples,
    similar_samples,
    word_table,
)
from diffkit_plugins.steering_prefix.report.token_importance import importance_table
from diffkit_plugins.steering_prefix.search.results import SearchOutcome


@dataclass(frozen=True)
class PrefixReport:
    """A prefix, its baselines, and their evaluations."""

    evaluator: PrefixEvaluator
    outcome: SearchOutcome
    random: RandomPrefixes
    best: PrefixEvaluation
    """The prefix that was found."""
    none: PrefixEvaluation
    """No prefix."""
    given: tuple[PrefixEvaluation, ...]
    """Other prefixes, such as a human's."""
    words: Mapping[str, str]
    """The other prefixes in words, by name."""

    @classmethod
    def of(
        cls,
        evaluator: PrefixEvaluator,
        outcome: SearchOutcome,
        random: RandomPrefixes,
        given: Mapping[str, str],
    ) -> "PrefixReport":
        """Evaluates the result of a search.

        Args:
            evaluator: of the problem.
            outcome: of the search.
            random: random prefixes on the held-out suffixes.
            given: other prefixes in words, by name.
        """
        others = [
            evaluator.evaluate(name, evaluator.tokenise(words)) for name, words in given.items()
        ]
        return cls(
            evaluator,
            outcome,
            random,
            evaluator.evaluate("found", outcome.best.ids),
            evaluator.evaluate("none", ()),
            tuple(others),
            given,
        )

    @property
    def closed(self) -> float:
        """The share of the held-out gap that the prefix closes."""
        return self.evaluator.held_out.half.gap.closed(self.best.held_out.loss)

    @property
    def nats_closed(self) -> float:
        """The same in nats per token; negative for a prefix that does worse than none."""
        return self.evaluator.held_out.half.gap.empty - self.best.held_out.loss

    def metrics(self) -> dict[str, float]:
        """Named numbers; all but the last three are of held-out suffixes."""
        gap = self.evaluator.held_out.half.gap
        items = len(self.evaluator.held_out.items) + len(self.evaluator.training.items)
        return {
            "gap_closed": self.closed,
            "nats_closed": self.nats_closed,
            "gap_closed_by_best_random": gap.closed(self.random.best),
            "p_random": self.random.p_value(self.best.held_out.loss),
            "loss_empty_nats": gap.empty,
            "loss_prefix_nats": self.best.held_out.loss,
            "excess_nats": self.best.held_out.loss - gap.floor,
            "floor_nats": gap.floor,
            **self._agreement(),
            "word_log_odds_errors": max([0.0, *(score for _, score in self._words)]),
            "items": float(items),
            "dropped": float(self.evaluator.problem.dropped),
        }

    def _agreement(self) -> dict[str, float]:
        greedy = self.best.held_out.greedy
        if greedy is None:
            return {}
        return {"exact_share": greedy.exact, "token_match_share": greedy.tokens}

    @property
    def _texts(self) -> tuple[list[SuffixItem], list[Continuation]]:
        """All suffixes, and the completions of the model without a prefix."""
        halves = self.evaluator.training, self.evaluator.held_out
        unprefixed = [*self.none.training.completions, *self.none.held_out.completions]
        return [item for half in halves for item in half.items], unprefixed

    @cached_property
    def _words(self) -> list[tuple[str, float]]:
        return distinguishing_words(*self._texts)

    def items(self, wording: ReportWording) -> Iterator[Finding]:
        """The findings, the most informative first."""
        held_out, options = self.evaluator.held_out, self.evaluator.options
        searches = self.outcome.ranked
        losses = [held_out.half.loss(search.ids) for search in searches]
        best = self.outcome.best
        yield summary_note(self.best, best, self._baselines, self.evaluator, wording)
        yield found_table(searches, losses, self._baselines, options)
        yield importance_table(held_out.half.objective, self.best.ids)
        yield word_table(self._words, wording)
        yield explained_samples(*self._texts, wording)
        for least in (False, True):
            yield similar_samples(
                held_out.items, self.best.held_out, options.shown, wording, least=least
            )
        yield from self._comparisons(losses)

    def _comparisons(self, losses: list[float]) -> Iterator[Finding]:
        training, held_out = self.evaluator.training, self.evaluator.held_out
        prefixes = (self.best, *self.given, self.none)
        yield loss_table(prefixes, training, held_out, self.random)
        slots = [item.slot for half in (held_out, training) for item in half.items]
        yield from retokenisation_notes(self.evaluator.problem.layout, slots, self.words)
        yield agreement_table(prefixes, self.evaluator.options.exact_tokens)
        if staged := self.outcome.staged:
            staged_losses = [held_out.half.loss(search.ids) for search in staged]
            yield comparison_table(staged, staged_losses, self._baselines, self.evaluator.options)
        display = self._baselines.display
        yield progress_series(search_lines(self.outcome, display), display)
        yield loss_distribution(self.outcome.ranked, losses, self._baselines)

    @property
    def _baselines(self) -> PrefixBaselines:
        half = self.evaluator.held_out.half
        return PrefixBaselines(half, self.random, LossDisplay(half.objective.unit))
