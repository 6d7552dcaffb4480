"""Causal tests of mean shifts: ablation, Jacobian lens, patchscope and steering.

Takes the mean shifts of a run. Gives findings and metrics of the tests that the options select.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch

from diffkit import Finding, ModelPair, Note, RunContext
from diffkit.analysis import token_table
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
    steering_table,
)


@dataclass(frozen=True)
class CausalFindings:
    """The findings and metrics of one kind of test."""

    items: tuple[Finding, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class CausalTests:
    """The causal tests of mean differences.

    Args:
        pair: both sides.
        config: the options.
        context: texts and seed.
        directions: the directions of the mean differences, by layer; at least one.
    """

    pair: ModelPair
    config: ActivationLensConfig
    context: RunContext
    directions: Sequence[Direction]

    def ablation(self) -> CausalFindings:
        """Ablates each direction of the finetuned side, and random ones."""
        items: list[Finding] = []
        removed, random = [], []
        for _, group in groupby(self.directions, key=lambda direction: direction.layer):
            layer = list(group)
            others = random_differences(self.pair, layer[0], self.config, self.context)
            effects = ablate(self.pair, [*layer, *others], self.config, self.context)
            if not (others and effects.measurable):
                why = "the texts have too few tokens, or both sides predict the same"
                return CausalFindings((Note(text=f"No ablation: {why}."),))
            items.append(ablation_table(layer, effects))
            removed += effects.removed[: len(layer)].tolist()
            random += effects.removed[len(layer) :].tolist()
        largest = {"ablation_removed_share": max(removed), "random_removed_share": max(random)}
        return CausalFindings(tuple(items), largest)

    def jacobian(self) -> CausalFindings:
        """Reads each direction through the Jacobian lens."""
        return CausalFindings(tuple(self._jacobian_tables()))

    def _jacobian_tables(self) -> Iterator[Finding]:
        for direction in self.directions:
            scores = jacobian_lens(self.pair, direction, self.config, self.context)
            where = f"layer {direction.layer}, slot {direction.name}"
            title = f"Tokens that mean Δ promotes through the Jacobian lens, {where}"
            unit = "logits above the vocabulary's mean"
            tokenizer, count = self.pair.base.tokenizer, self.config.tokens
            yield token_table(title, scores, tokenizer, count, unit=unit, positive=False)

    def patchscope(self) -> CausalFindings:
        """Writes each direction into identity prompts, if the finetuned side follows these."""
        side, config = self.pair.finetuned, self.config
        count, seed = config.patchscope_prompts, self.context.seed
        prompts = identity_prompts(side.tokenizer, self.context.texts, prompts=count, seed=seed)
        if prompts is None:
            what = "the texts have too few words of one token"
            return CausalFindings((Note(text=f"No patchscope: {what}."),))
        accuracy = prompts.accuracy(side)
        metrics = {"patchscope_identity_accuracy": accuracy}
        if accuracy < config.patchscope_accuracy:
            what = f"of other words the finetuned side repeats {accuracy:.0%} as the prompts ask"
            return CausalFindings((Note(text=f"No patchscope: {what}."),), metrics)
        results = [patchscope(side, prompts, each, config, seed) for each in self.directions]
        tables = [patchscope_table(self.pair, result, config.tokens) for result in results]
        return CausalFindings(tuple(tables), metrics)

    def steering(self) -> CausalFindings:
        """Steers along each direction at the largest strength that keeps text coherent."""
        prompts = steering_prompts(self.pair.base, self.context.texts, self.config)
        search = SteeringSearch(self.pair, prompts, self.config)
        generator = torch.Generator().manual_seed(self.context.seed)
        steps = self.context.progress(self.directions, label="steering", total=len(self.directions))
        every = [search.find_strongest(direction, generator) for direction in steps]
        results = [result for result in every if result is not None]
        if not results:
            text = "No steering: even the least strength leaves no text coherent."
            return CausalFindings((Note(text=text),))
        samples = (
            samples
            for result in results
            for samples in changed_samples(search, result, self.config.steered)
        )
        return CausalFindings((steering_table(results, search), *samples))


def run_causal_tests(
    pair: ModelPair, config: ActivationLensConfig, context: RunContext, shifts: Sequence[MeanShift]
) -> CausalFindings:
    """Runs the tests that the options select, the more reliable ones first.

    Args:
        pair: both sides.
        config: the options.
        context: texts and seed.
        shifts: the mean shifts of all layers and slots.

    Raises:
        UserError: none of the slots to test was read.
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
    found = [test() for selected, test in parts if selected]
    items = tuple(item for part in found for item in part.items)
    metrics = {name: value for part in found for name, value in part.metrics.items()}
    return CausalFindings(items, metrics)
