"""The causal half: what the mean differences do when they are taken out, written or added."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch

from diffkit import Finding, ModelPair, Note, RunContext
from diffkit_plugins.activation_lens.ablation import ablate
from diffkit_plugins.activation_lens.causal_tables import (
    ablation_table,
    patched_table,
    score_table,
    steering_samples,
    steering_table,
)
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.controls import random_differences
from diffkit_plugins.activation_lens.direction import Direction, tested
from diffkit_plugins.activation_lens.identity import identity_prompts
from diffkit_plugins.activation_lens.jacobian import jacobian_lens
from diffkit_plugins.activation_lens.patchscope import patchscope
from diffkit_plugins.activation_lens.shift import Shift
from diffkit_plugins.activation_lens.steering import Steerer, prompts_of


@dataclass(frozen=True)
class Tested:
    """What one kind of test found."""

    items: tuple[Finding, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class CausalTests:
    """Tests of mean differences.

    Args:
        pair: both sides.
        config: the options.
        context: texts and seed.
        directions: the mean differences' directions, layer by layer; at least one.
    """

    pair: ModelPair
    config: ActivationLensConfig
    context: RunContext
    directions: Sequence[Direction]

    def ablation(self) -> Tested:
        """Takes each direction out of the finetuned side, and random ones."""
        items: list[Finding] = []
        removed, random = [], []
        for _, group in groupby(self.directions, key=lambda direction: direction.layer):
            layer = list(group)
            others = random_differences(self.pair, layer[0], self.config, self.context)
            effects = ablate(self.pair, [*layer, *others], self.config, self.context)
            if not (others and effects.known):
                why = "the texts have too few tokens, or both sides predict the same"
                return Tested((Note(text=f"No ablation: {why}."),))
            items.append(ablation_table(layer, effects))
            removed += effects.removed[: len(layer)].tolist()
            random += effects.removed[len(layer) :].tolist()
        largest = {"ablation_removed_share": max(removed), "random_removed_share": max(random)}
        return Tested(tuple(items), largest)

    def jacobian(self) -> Tested:
        """Reads each direction through the Jacobian lens."""
        return Tested(tuple(self._jacobians()))

    def _jacobians(self) -> Iterator[Finding]:
        for one in self.directions:
            scores = jacobian_lens(self.pair, one, self.config, self.context)
            where = f"layer {one.layer}, slot {one.name}"
            title = f"Tokens that mean Δ promotes through the Jacobian lens, {where}"
            unit = "logits above the vocabulary's mean"
            yield score_table(self.pair, scores, title, unit, self.config.tokens)

    def patchscope(self) -> Tested:
        """Writes each direction into identity prompts, if the finetuned side can do these."""
        side, config = self.pair.finetuned, self.config
        prompts = identity_prompts(
            side.tokenizer,
            self.context.texts,
            prompts=config.patchscope_prompts,
            seed=self.context.seed,
        )
        if prompts is None:
            return Tested((Note(text="No patchscope: the texts have too few words of one token."),))
        accuracy = prompts.accuracy(side)
        metrics = {"patchscope_identity_accuracy": accuracy}
        if accuracy < config.patchscope_accuracy:
            what = f"of other words the finetuned side repeats {accuracy:.0%} as the prompts ask"
            return Tested((Note(text=f"No patchscope: {what}."),), metrics)
        seed = self.context.seed
        found = [patchscope(side, prompts, one, config, seed) for one in self.directions]
        tables = [patched_table(self.pair, patched, config.tokens) for patched in found]
        return Tested(tuple(tables), metrics)

    def steering(self) -> Tested:
        """Steers along each direction, as far as text stays coherent."""
        prompts = prompts_of(self.pair.base, self.context.texts, self.config)
        steerer = Steerer(self.pair, prompts, self.config)
        generator = torch.Generator().manual_seed(self.context.seed)
        steps = self.context.progress(self.directions, label="steering", total=len(self.directions))
        tried = [steerer.strongest(direction, generator) for direction in steps]
        found = [one for one in tried if one is not None]
        if not found:
            text = "No steering: even the least strength leaves no text coherent."
            return Tested((Note(text=text),))
        samples = (
            item for one in found for item in steering_samples(steerer, one, self.config.steered)
        )
        return Tested((steering_table(found, steerer), *samples))


def causes(
    pair: ModelPair, config: ActivationLensConfig, context: RunContext, shifts: Sequence[Shift]
) -> Tested:
    """Carries out the tests that the options ask for, the more telling ones first.

    Args:
        pair: both sides.
        config: the options.
        context: texts and seed.
        shifts: the mean differences of all layers and slots.

    Raises:
        UserError: none of the slots to be tested was read.
    """
    directions = tested(pair.base, shifts, config.tested)
    if not directions:
        return Tested()
    tests = CausalTests(pair, config, context, directions)
    parts = (
        (config.ablation, tests.ablation),
        (config.jacobian, tests.jacobian),
        (config.patchscope, tests.patchscope),
        (config.steering, tests.steering),
    )
    found = [test() for wanted, test in parts if wanted]
    items = tuple(item for part in found for item in part.items)
    return Tested(items, {name: n for part in found for name, n in part.metrics.items()})
