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
from diffkit_plugins.steering_prefix.search.bans import normalised_words
from diffkit_plugins.steering_prefix.search.results import SearchOutcome, SearchRun
from diffkit_plugins.steering_prefix.search.run import run_searches
from diffkit_plugins.steering_prefix.search.token_space import TokenSpace
from diffkit_plugins.steering_prefix_study.config import SteeringPrefixStudyConfig

LOSS_DISPLAYS = {
    "state": LossDisplay("1 − cosine"),
    "direction": LossDisplay("stream · vector", noun="dot product", more_is_better=True),
    "contrast": LossDisplay("nats"),
}
"""How losses are displayed, by the option ``objective``; those of ``match`` are nats per token."""


def banned_words(config: SteeringPrefixStudyConfig) -> list[str]:
    """The words of the reference, if it has to be matched without them.

    They are added to the bans of the options. In ``direction`` and ``contrast`` the reference is
    only a human's prefix in the tables.
    """
    matched = config.ban_reference and config.objective in ("match", "state")
    return sorted(normalised_words(config.reference)) if matched else []


@dataclass(frozen=True)
class LayerSearch:
    """The search at a layer, or for the one objective without a layer."""

    layer: int | None
    model: Model
    split: ObjectiveSplit
    outcome: SearchOutcome
    random: RandomPrefixes
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
        outcome = run_searches(split.training, space, config, context, name=name)
        found = outcome.best.ids
        random = RandomPrefixes.sample(split.held_out, space, config, context.seed, found)
        return cls(layer, model, split, outcome, random, config)

    @property
    def best(self) -> SearchRun:
        """The result."""
        return self.outcome.best

    @property
    def readings_until_best(self) -> int:
        """Readings until the best prefix was found."""
        trace = self.best.result.trace
        lowest = min(point.total for point in trace)
        return min(point.spent for point in trace if point.total == lowest)

    @property
    def title_prefix(self) -> str:
        """The beginning of the titles of findings of this search alone."""
        return "" if self.layer is None else f"Layer {self.layer}: "

    @property
    def holds_out(self) -> bool:
        """Whether there are held-out items; the prefix alone is a single prompt."""
        return self.layer is None or self.config.in_context

    @cached_property
    def baselines(self) -> PrefixBaselines:
        """Losses of no prefix, of random ones and of the reference."""
        display = LOSS_DISPLAYS[self.config.objective]
        half = SplitHalf(self.split.held_out)
        return PrefixBaselines(half, self.random, display, held_out=self.holds_out)

    def losses(self, searches: Sequence[SearchRun]) -> list[float]:
        """The mean loss on held-out items of the prefix of each search."""
        return [self.baselines.half.loss(search.ids) for search in searches]

    @property
    def loss(self) -> float:
        """The mean loss of the prefix on held-out items."""
        return self.baselines.half.loss(self.best.ids)

    @property
    def loss_without(self) -> float:
        """The same without a prefix."""
        return self.baselines.half.gap.empty

    def loss_of(self, words: str) -> float:
        """The same of a prefix in words."""
        slot = self.split.held_out_slots[0]
        return self.baselines.half.loss(self.split.layout.prefix(words, slot))

    @property
    def generator(self) -> ContinuationGenerator:
        """Completes prompts with the model."""
        return ContinuationGenerator(self.model, self.model.vocabulary, self.config)

    def continuations(self, texts: list[str]) -> list[str]:
        """Completions after texts that are each the whole message of a user."""
        layout = self.split.layout
        kind: SuffixKind = "chat" if layout.tokenizer.chat_template else "document"
        prompts = [tuple(layout.ids(text, kind)) for text in texts]
        return [one.text for one in self.generator.generate_greedy(prompts)]
