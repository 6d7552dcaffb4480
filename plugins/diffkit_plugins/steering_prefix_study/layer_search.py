"""One search of the study, at a layer or for the one objective without a layer.

Takes training and held-out objectives. Gives the prefix that was found, and its losses beside the
baselines'.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from diffkit import Model, RunContext
from diffkit_plugins.steering_prefix.baselines import (
    LossDisplay,
    PrefixBaselines,
    RandomPrefixes,
    SplitHalf,
)
from diffkit_plugins.steering_prefix.objectives.base import ObjectiveSplit
from diffkit_plugins.steering_prefix.prompts.layout import SuffixKind
from diffkit_plugins.steering_prefix.prompts.references import ContinuationGenerator
from diffkit_plugins.steering_prefix.search.bans import normalized_words
from diffkit_plugins.steering_prefix.search.results import SearchOutcome, SearchRun
from diffkit_plugins.steering_prefix.search.run import run_searches
from diffkit_plugins.steering_prefix.search.token_space import TokenSpace
from diffkit_plugins.steering_prefix_study.config import SteeringPrefixStudyConfig

LOSS_DISPLAYS = {
    "state": LossDisplay("1 − cosine"),
    "direction": LossDisplay("stream · vector", noun="dot product", more_is_better=True),
    "contrast": LossDisplay("nats"),
}
"""By the option ``objective``; ``match`` is a loss in nats per token."""


def banned_words(config: SteeringPrefixStudyConfig) -> list[str]:
    """The reference's own words, where it is to be matched without them.

    The options' own bans come beside them. Nothing is to match it in ``direction`` and
    ``contrast``: there it is a human's prefix in the tables.
    """
    matched = config.ban_reference and config.objective in ("match", "state")
    return sorted(normalized_words(config.reference)) if matched else []


@dataclass(frozen=True)
class LayerSearch:
    """What was found at a layer, or for the one objective that has none."""

    layer: int | None
    model: Model
    split: ObjectiveSplit
    searched: SearchOutcome
    chance: RandomPrefixes
    """Random prefixes on the held-out items."""
    config: SteeringPrefixStudyConfig

    @classmethod
    def of(
        cls,
        model: Model,
        split: ObjectiveSplit,
        config: SteeringPrefixStudyConfig,
        context: RunContext,
        layer: int | None,
    ) -> "LayerSearch":
        """Searches for the prefix.

        Raises:
            UserError: no prefix of the length is allowed.
        """
        space = TokenSpace.of(split.training, config, banned_words(config))
        name = config.objective if layer is None else f"layer {layer}"
        searched = run_searches(split.training, space, config, context, name=name)
        chance = RandomPrefixes.of(split.held_out, space, config, context.seed, searched.best.ids)
        return cls(layer, model, split, searched, chance, config)

    @property
    def best(self) -> SearchRun:
        """The result."""
        return self.searched.best

    @property
    def steps(self) -> int:
        """Readings after which nothing better was found."""
        trail = self.best.found.trail
        least = min(point.total for point in trail)
        return min(point.spent for point in trail if point.total == least)

    @property
    def where(self) -> str:
        """Begins the titles of what is shown of this search alone."""
        return "" if self.layer is None else f"Layer {self.layer}: "

    @property
    def holds_out(self) -> bool:
        """Whether the search saw other items; the bare prefix is one prompt, and it saw that."""
        return self.layer is None or self.config.in_context

    @cached_property
    def baselines(self) -> PrefixBaselines:
        """What prefixes are held against."""
        measure = LOSS_DISPLAYS[self.config.objective]
        half = SplitHalf(self.split.held_out)
        return PrefixBaselines(half, self.chance, measure, held_out=self.holds_out)

    def losses(self, searches: Sequence[SearchRun]) -> list[float]:
        """The mean loss of each search's prefix on held-out items."""
        return [self.baselines.half.loss(search.ids) for search in searches]

    @property
    def loss(self) -> float:
        """The prefix's mean loss on held-out items."""
        return self.baselines.half.loss(self.best.ids)

    @property
    def without(self) -> float:
        """The same without a prefix."""
        return self.baselines.half.gap.empty

    def loss_of(self, words: str) -> float:
        """The same of a prefix in words."""
        place = self.split.held_out_places[0]
        return self.baselines.half.loss(self.split.layout.prefix(words, place))

    @property
    def speaker(self) -> ContinuationGenerator:
        """The model, as it goes on from prompts."""
        return ContinuationGenerator(self.model, self.model.vocabulary, self.config)

    def continuations(self, words: list[str]) -> list[str]:
        """What the model says where some words are all that a user said."""
        layout = self.split.layout
        kind: SuffixKind = "chat" if layout.tokenizer.chat_template else "document"
        prompts = [tuple(layout.ids(text, kind)) for text in words]
        return [said.text for said in self.speaker.likeliest(prompts)]
