"""The causal half: what the mean differences do when they are taken out, written or added."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch

from diffkit import Finding, ModelPair, Note, RunContext
from diffkit_plugins.activation_lens.ablation import ablate, random_differences
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.lenses import jacobian_lens
from diffkit_plugins.activation_lens.mean_shift import Direction, MeanShift, tested_directions
from diffkit_plugins.activation_lens.patchscope import identity_prompts, patchscope
from diffkit_plugins.activation_lens.steering import SteeringSearch, steering_prompts
from diffkit_plugins.activation_lens.tables import (
    ablation_table,
    changed_samples,
    patchscope_table,
    score_table,
    steering_table,
)


@dataclass(frozen=True)
class CausalFindings:
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

    def ablation(self) -> CausalFindings:
        """Takes each direction out of the finetuned side, and random ones."""
        items: list[Finding] = []
        removed, random = [], []
        for _, group in groupby(self.directions, key=lambda direction: direction.layer):
            layer = list(group)
            others = random_differences(self.pair, layer[0], self.config, self.context)
            effects = ablate(self.pair, [*layer, *others], self.config, self.context)
            if not (others and effects.known):
                why = "the texts have too few tokens, or both sides predict the same"
                return CausalFindings((Note(text=f"No ablation: {why}."),))
            items.append(ablation_table(layer, effects))
            removed += effects.removed[: len(layer)].tolist()
            random += effects.removed[len(layer) :].tolist()
        largest = {"ablation_removed_share": max(removed), "random_removed_share": max(random)}
        return CausalFindings(tuple(items), largest)

    def jacobian(self) -> CausalFindings:
        """Reads each direction through the Jacobian lens."""
        return CausalFindings(tuple(self._jacobians()))

    def _jacobians(self) -> Iterator[Finding]:
        for one in self.directions:
            scores = jacobian_lens(self.pair, one, self.config, self.context)
            where = f"layer {one.layer}, slot {one.name}"
            title = f"Tokens that mean Δ promotes through the Jacobian lens, {where}"
            unit = "logits above the vocabulary's mean"
            yield score_table(self.pair, scores, title, unit, self.config.tokens)

    def patchscope(self) -> CausalFindings:
        """Writes each direction into identity prompts, if the finetuned side can do these."""
        side, config = self.pair.finetuned, self.config
        prompts = identity_prompts(
            side.tokenizer,
            self.context.texts,
            prompts=config.patchscope_prompts,
            seed=self.context.seed,
        )
        if prompts is None:
            return CausalFindings(
                (Note(text="No patchscope: the texts have too few words of one token."),)
            )
        accuracy = prompts.accuracy(side)
        metrics = {"patchscope_identity_accuracy": accuracy}
        if accuracy < config.patchscope_accuracy:
            what = f"of other words the finetuned side repeats {accuracy:.0%} as the prompts ask"
            return CausalFindings((Note(text=f"No patchscope: {what}."),), metrics)
        seed = self.context.seed
        found = [patchscope(side, prompts, one, config, seed) for one in self.directions]
        tables = [patchscope_table(self.pair, patched, config.tokens) for patched in found]
        return CausalFindings(tuple(tables), metrics)

    def steering(self) -> CausalFindings:
        """Steers along each direction, as far as text stays coherent."""
        prompts = steering_prompts(self.pair.base, self.context.texts, self.config)
        steerer = SteeringSearch(self.pair, prompts, self.config)
        generator = torch.Generator().manual_seed(self.context.seed)
        steps = self.context.progress(self.directions, label="steering", total=len(self.directions))
        tried = [steerer.strongest(direction, generator) for direction in steps]
        found = [one for one in tried if one is not None]
        if not found:
            text = "No steering: even the least strength leaves no text coherent."
            return CausalFindings((Note(text=text),))
        samples = (
            item for one in found for item in changed_samples(steerer, one, self.config.steered)
        )
        return CausalFindings((steering_table(found, steerer), *samples))


def run_causal_tests(
    pair: ModelPair, config: ActivationLensConfig, context: RunContext, shifts: Sequence[MeanShift]
) -> CausalFindings:
    """Carries out the tests that the options ask for, the more telling ones first.

    Args:
        pair: both sides.
        config: the options.
        context: texts and seed.
        shifts: the mean differences of all layers and slots.

    Raises:
        UserError: none of the slots to be tested was read.
    """
    directions = tested_directions(pair.base, shifts, config.tested)
    if not directions:
        return CausalFindings()
    tests = CausalTests(pair, config, context, directions)
    parts = (
        (config.ablation, tests.ablation),
        (config.jacobian, tests.jacobian),
        (config.patchscope, tests.patchscope),
        (config.steering, tests.steering),
    )
    found = [test() for wanted, test in parts if wanted]
    items = tuple(item for part in found for item in part.items)
    return CausalFindings(items, {name: n for part in found for name, n in part.metrics.items()})
