"""The findings of a search by completions, in the order in which a reader needs them.

Takes an evaluation, searches and random prefixes. Gives findings and metrics.
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
class Report:
    """A prefix, its baselines, and where they stand."""

    evaluation: PrefixEvaluator
    searched: SearchOutcome
    chance: RandomPrefixes
    best: PrefixEvaluation
    """The prefix that was found."""
    none: PrefixEvaluation
    """No prefix."""
    given: tuple[PrefixEvaluation, ...]
    """A human's prefixes, say."""
    words: Mapping[str, str]
    """These as they were given, by what they are called."""

    @classmethod
    def of(
        cls,
        evaluation: PrefixEvaluator,
        searched: SearchOutcome,
        chance: RandomPrefixes,
        given: Mapping[str, str],
    ) -> "Report":
        """Measures the result of a search.

        Args:
            evaluation: what prefixes are held against.
            searched: what was found.
            chance: random prefixes on the held-out suffixes.
            given: other prefixes by what they are called, in words.
        """
        others = [
            evaluation.standing(name, evaluation.given(words)) for name, words in given.items()
        ]
        return cls(
            evaluation,
            searched,
            chance,
            evaluation.standing("found", searched.best.ids),
            evaluation.standing("none", ()),
            tuple(others),
            given,
        )

    @property
    def closed(self) -> float:
        """Share of the held-out gap that the prefix closes."""
        return self.evaluation.held_out.half.gap.closed(self.best.held_out.loss)

    @property
    def nats_closed(self) -> float:
        """The same in nats per token; below 0 for a prefix that does worse than none."""
        return self.evaluation.held_out.half.gap.empty - self.best.held_out.loss

    def metrics(self) -> dict[str, float]:
        """Named numbers, all but the last three on held-out suffixes."""
        gap = self.evaluation.held_out.half.gap
        items = len(self.evaluation.held_out.items) + len(self.evaluation.training.items)
        return {
            "gap_closed": self.closed,
            "nats_closed": self.nats_closed,
            "gap_closed_by_best_random": gap.closed(self.chance.best),
            "p_random": self.chance.p(self.best.held_out.loss),
            "loss_empty_nats": gap.empty,
            "loss_prefix_nats": self.best.held_out.loss,
            "excess_nats": self.best.held_out.loss - gap.floor,
            "floor_nats": gap.floor,
            "exact_share": self.best.held_out.greedy.exact,
            "token_match_share": self.best.held_out.greedy.tokens,
            "word_log_odds_errors": max([0.0, *(score for _, score in self._told)]),
            "items": float(items),
            "dropped": float(self.evaluation.problem.dropped),
        }

    @property
    def _texts(self) -> tuple[list[SuffixItem], list[Continuation]]:
        """All suffixes, and what the model that reads the prefix says after them without it."""
        halves = self.evaluation.training, self.evaluation.held_out
        own = [*self.none.training.said, *self.none.held_out.said]
        return [item for half in halves for item in half.items], own

    @cached_property
    def _told(self) -> list[tuple[str, float]]:
        return distinguishing_words(*self._texts)

    def items(self, wording: ReportWording) -> Iterator[Finding]:
        """The findings, most telling first."""
        held_out, options = self.evaluation.held_out, self.evaluation.options
        searches = self.searched.ranked
        losses = [held_out.half.loss(search.ids) for search in searches]
        best = self.searched.best
        yield summary_note(self.best, best, self._baselines, self.evaluation, wording)
        yield found_table(searches, losses, self._baselines, options)
        yield importance_table(held_out.half.objective, self.best.ids)
        yield word_table(self._told, wording)
        yield explained_samples(*self._texts, wording)
        for least in (False, True):
            yield similar_samples(
                held_out.items, self.best.held_out, options.shown, wording, least=least
            )
        yield from self._comparisons(losses)

    def _comparisons(self, losses: list[float]) -> Iterator[Finding]:
        training, held_out = self.evaluation.training, self.evaluation.held_out
        standings = (self.best, *self.given, self.none)
        yield loss_table(standings, training, held_out, self.chance)
        places = [item.place for half in (held_out, training) for item in half.items]
        yield from retokenisation_notes(self.evaluation.problem.layout, places, self.words)
        yield agreement_table(standings, self.evaluation.options.exact_tokens)
        if staged := self.searched.staged:
            own = [held_out.half.loss(search.ids) for search in staged]
            yield comparison_table(staged, own, self._baselines, self.evaluation.options)
        measure = self._baselines.measure
        yield progress_series(search_lines(self.searched, measure), measure)
        yield loss_distribution(self.searched.ranked, losses, self._baselines)

    @property
    def _baselines(self) -> PrefixBaselines:
        half = self.evaluation.held_out.half
        return PrefixBaselines(half, self.chance, LossDisplay(half.objective.unit))
