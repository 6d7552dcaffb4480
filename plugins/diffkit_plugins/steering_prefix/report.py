"""What a search for a prefix found, as findings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from diffkit import Finding
from diffkit_plugins.steering_prefix.baselines import Baselines
from diffkit_plugins.steering_prefix.chance import Chance
from diffkit_plugins.steering_prefix.completing import Continuation
from diffkit_plugins.steering_prefix.curves import courses, progress, spread
from diffkit_plugins.steering_prefix.depending import Item
from diffkit_plugins.steering_prefix.evaluation import Evaluation, Standing
from diffkit_plugins.steering_prefix.measure import Measure
from diffkit_plugins.steering_prefix.retokenised import retokenised
from diffkit_plugins.steering_prefix.said import told, word_table
from diffkit_plugins.steering_prefix.search_tables import comparison_table, found_table
from diffkit_plugins.steering_prefix.searched import Searched
from diffkit_plugins.steering_prefix.shown import explained, similar
from diffkit_plugins.steering_prefix.summary import summary
from diffkit_plugins.steering_prefix.tables import agreement_table, loss_table
from diffkit_plugins.steering_prefix.wording import Wording
from diffkit_plugins.steering_prefix.worth import token_table


@dataclass(frozen=True)
class Report:
    """A prefix, its baselines, and where they stand."""

    evaluation: Evaluation
    searched: Searched
    chance: Chance
    best: Standing
    """The prefix that was found."""
    none: Standing
    """No prefix."""
    given: tuple[Standing, ...]
    """A human's prefixes, say."""
    words: Mapping[str, str]
    """These as they were given, by what they are called."""

    @classmethod
    def of(
        cls,
        evaluation: Evaluation,
        searched: Searched,
        chance: Chance,
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
    def _texts(self) -> tuple[list[Item], list[Continuation]]:
        """All suffixes, and what the model that reads the prefix says after them without it."""
        halves = self.evaluation.training, self.evaluation.held_out
        own = [*self.none.training.said, *self.none.held_out.said]
        return [item for half in halves for item in half.items], own

    @cached_property
    def _told(self) -> list[tuple[str, float]]:
        return told(*self._texts)

    def items(self, wording: Wording) -> Iterator[Finding]:
        """The findings, most telling first."""
        held_out, options = self.evaluation.held_out, self.evaluation.options
        searches = self.searched.ranked
        losses = [held_out.half.loss(search.ids) for search in searches]
        best = self.searched.best
        yield summary(self.best, best, self._baselines, self.evaluation, wording)
        yield found_table(searches, losses, self._baselines, options)
        yield token_table(held_out.half.objective, self.best.ids)
        yield word_table(self._told, wording)
        yield explained(*self._texts, wording)
        for least in (False, True):
            yield similar(held_out.items, self.best.held_out, options.shown, wording, least=least)
        yield from self._comparisons(losses)

    def _comparisons(self, losses: list[float]) -> Iterator[Finding]:
        training, held_out = self.evaluation.training, self.evaluation.held_out
        standings = (self.best, *self.given, self.none)
        yield loss_table(standings, training, held_out, self.chance)
        places = [item.place for half in (held_out, training) for item in half.items]
        yield from retokenised(self.evaluation.problem.layout, places, self.words)
        yield agreement_table(standings, self.evaluation.options.exact_tokens)
        if staged := self.searched.staged:
            own = [held_out.half.loss(search.ids) for search in staged]
            yield comparison_table(staged, own, self._baselines, self.evaluation.options)
        measure = self._baselines.measure
        yield progress(courses(self.searched, measure), measure)
        yield spread(self.searched.ranked, losses, self._baselines)

    @property
    def _baselines(self) -> Baselines:
        half = self.evaluation.held_out.half
        return Baselines(half, self.chance, Measure(half.objective.unit))
