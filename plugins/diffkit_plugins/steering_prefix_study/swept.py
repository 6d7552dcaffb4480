"""One search of a sweep, and what it is held against."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from diffkit import Model, RunContext
from diffkit_plugins.steering_prefix.baselines import Baselines
from diffkit_plugins.steering_prefix.chance import Chance
from diffkit_plugins.steering_prefix.half import Half
from diffkit_plugins.steering_prefix.layout import Kind
from diffkit_plugins.steering_prefix.searched import Search, Searched
from diffkit_plugins.steering_prefix.searching import search
from diffkit_plugins.steering_prefix.space import TokenSpace
from diffkit_plugins.steering_prefix.speaker import Speaker
from diffkit_plugins.steering_prefix.split import Split
from diffkit_plugins.steering_prefix_study.banned import banned
from diffkit_plugins.steering_prefix_study.config import SteeringPrefixStudyConfig
from diffkit_plugins.steering_prefix_study.measures import MEASURES


@dataclass(frozen=True)
class Swept:
    """What was found at a layer, or for the one objective that has none."""

    layer: int | None
    model: Model
    split: Split
    searched: Searched
    chance: Chance
    """Random prefixes on the held-out items."""
    config: SteeringPrefixStudyConfig

    @classmethod
    def of(
        cls,
        model: Model,
        split: Split,
        config: SteeringPrefixStudyConfig,
        context: RunContext,
        layer: int | None,
    ) -> "Swept":
        """Searches for the prefix.

        Raises:
            UserError: no prefix of the length is allowed.
        """
        space = TokenSpace.of(split.training, config, banned(config))
        name = config.objective if layer is None else f"layer {layer}"
        searched = search(split.training, space, config, context, name=name)
        chance = Chance.of(split.held_out, space, config, context.seed, searched.best.ids)
        return cls(layer, model, split, searched, chance, config)

    @property
    def best(self) -> Search:
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
    def baselines(self) -> Baselines:
        """What prefixes are held against."""
        measure = MEASURES[self.config.objective]
        half = Half(self.split.held_out)
        return Baselines(half, self.chance, measure, held_out=self.holds_out)

    def losses(self, searches: Sequence[Search]) -> list[float]:
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
    def speaker(self) -> Speaker:
        """The model, as it goes on from prompts."""
        return Speaker(self.model, self.model.vocabulary, self.config)

    def continuations(self, words: list[str]) -> list[str]:
        """What the model says where some words are all that a user said."""
        layout = self.split.layout
        kind: Kind = "chat" if layout.tokenizer.chat_template else "document"
        prompts = [tuple(layout.ids(text, kind)) for text in words]
        return [said.text for said in self.speaker.likeliest(prompts)]
