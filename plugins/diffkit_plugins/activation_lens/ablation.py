"""Ablation: how the finetuned side predicts without one direction of its residual stream.

Takes directions. Gives the share of the divergence that each removes, beside the same of
random directions.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffkit import Inputs, Model, ModelPair, RunContext
from diffkit.analysis import SelectedPositions
from diffkit.maths import token_divergences, token_log_probabilities
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.mean_shift import Direction


def random_differences(
    pair: ModelPair, like: Direction, config: ActivationLensConfig, context: RunContext
) -> list[Direction]:
    """Directions between the base's residual streams at two random tokens of its texts.

    Like mean differences they lie where the stream varies. A uniformly random direction is nearly
    orthogonal to the stream of a wide model.

    Args:
        pair: both sides.
        like: a direction that gives the layer and norm.
        config: the number of directions.
        context: texts and seed.
    """
    tokens = _random_tokens(pair.base, like.layer, 2 * config.controls, config, context)
    half = len(tokens) // 2
    differences = tokens[:half] - tokens[half : 2 * half]
    norms = differences.norm(dim=1, keepdim=True)
    units = (differences / norms)[norms[:, 0] > 0]
    return [Direction("random", like.layer, unit, like.norm) for unit in units]


def _random_tokens(
    side: Model, layer: int, count: int, config: ActivationLensConfig, context: RunContext
) -> Float[Tensor, "tokens hidden"]:
    """The residual stream after a block at one random token of each of ``count`` random texts."""
    generator, items = torch.Generator().manual_seed(context.seed), context.texts.items
    chosen = torch.randint(len(items), (count,), generator=generator).tolist()
    draws = torch.rand(count, generator=generator, dtype=torch.float64)
    batch = [items[index] for index in chosen]
    inputs = side.inputs(batch, max_tokens=config.max_tokens)
    counted = SelectedPositions(side.tokenizer, config.positions).tokens(inputs, batch)
    lengths = counted.sum(dim=1)
    # the token of this number among the tokens that count
    columns = (counted.cumsum(dim=1) <= (draws * lengths).long()[:, None]).sum(dim=1)
    columns = columns.clamp(max=counted.shape[1] - 1)
    stream = side.resid(inputs, [layer])[0]
    tokens: Tensor = stream[range(count), columns.to(stream.device)].double().cpu()
    return tokens[lengths > 0]


@dataclass(frozen=True)
class LossAndDivergence:
    """The finetuned side's loss and divergence, as means over each text's tokens, in nats."""

    loss: Float[Tensor, "*ablations texts"]
    """Cross entropy, in float64."""
    divergence: Float[Tensor, "*ablations texts"]
    """KL(finetuned ‖ base), in float64."""


@dataclass(frozen=True)
class AblationEffects:
    """The finetuned side intact, and with one direction ablated at a time."""

    intact: LossAndDivergence
    ablated: LossAndDivergence
    """The first axis is the directions."""

    @property
    def measurable(self) -> bool:
        """Whether there is a divergence, and at least two texts for standard errors."""
        return len(self.intact.loss) > 1 and bool(self.intact.divergence.any())

    @property
    def removed(self) -> Float[Tensor, " ablations"]:
        """The share of the divergence from the base that the ablation removes."""
        total = self.intact.divergence.mean()
        return (total - self.ablated.divergence.mean(dim=1)) / total

    @property
    def removed_error(self) -> Float[Tensor, " ablations"]:
        """Standard error of ``removed`` over texts, as a ratio of means (Cochran 1977, 6.13)."""
        total = self.intact.divergence
        difference = total - self.ablated.divergence
        return _standard_error(difference - self.removed[:, None] * total) / total.mean()

    @property
    def loss(self) -> Float[Tensor, " ablations"]:
        """Increase of the loss, in nats per token."""
        return (self.ablated.loss - self.intact.loss).mean(dim=1)

    @property
    def loss_error(self) -> Float[Tensor, " ablations"]:
        """Standard error of ``loss`` over texts."""
        return _standard_error(self.ablated.loss - self.intact.loss)


def _standard_error(values: Float[Tensor, "ablations texts"]) -> Float[Tensor, " ablations"]:
    error: Tensor = values.std(dim=1) / math.sqrt(values.shape[1])
    return error


def replace_component(
    stream: Float[Tensor, "texts seq hidden"],
    base: Float[Tensor, "texts seq hidden"],
    unit: Float[Tensor, " hidden"],
) -> Float[Tensor, "texts seq hidden"]:
    """Replaces the stream's component along a direction by the base's component.

    The operation is idempotent, and the identity where both components are equal.

    Args:
        stream: the finetuned side's residual stream.
        base: the base's residual stream at the same tokens.
        unit: the direction, of norm 1.
    """
    unit = unit.to(stream.device, torch.float32)
    difference = (base - stream).float() @ unit
    return stream + (difference[..., None] * unit).to(stream.dtype)


def ablate(
    pair: ModelPair,
    directions: Sequence[Direction],
    config: ActivationLensConfig,
    context: RunContext,
) -> AblationEffects:
    """Measures the finetuned side on texts, intact and with each direction ablated.

    Args:
        pair: both sides.
        directions: the directions, which are ablated one at a time.
        config: the number of texts and their length.
        context: the texts.
    """
    texts = context.texts.first(config.ablation_texts)
    loss = torch.full((1 + len(directions), len(texts)), torch.nan, dtype=torch.float64)
    divergence = loss.clone()
    batches, selected = texts.batches(config.batch_size), _selected(pair, config)
    for numbers in context.progress(batches, label="ablations", total=len(batches)):
        batch = [texts.items[number] for number in numbers]
        inputs = pair.base.inputs(batch, max_tokens=config.max_tokens)
        counted = selected.predicting(inputs, batch)
        for row, measured in enumerate(_measurements(pair, inputs, counted, directions)):
            loss[row, numbers], divergence[row, numbers] = measured.loss, measured.divergence
    kept = loss[0].isfinite()  # a text may have no predicted token that counts
    loss, divergence = loss[:, kept], divergence[:, kept]
    return AblationEffects(
        LossAndDivergence(loss[0], divergence[0]), LossAndDivergence(loss[1:], divergence[1:])
    )


def _selected(pair: ModelPair, config: ActivationLensConfig) -> SelectedPositions:
    return SelectedPositions(pair.base.tokenizer, config.positions)


def _measurements(
    pair: ModelPair,
    inputs: Inputs,
    counted: Bool[Tensor, "texts seq"],
    directions: Sequence[Direction],
) -> Iterator[LossAndDivergence]:
    """Measures the finetuned side intact, then with each direction ablated."""
    logits = pair.base.logits(inputs, keep=slice(0, -1))
    yield _measure(pair, inputs, counted, logits)
    layers = sorted({direction.layer for direction in directions})
    streams = dict(zip(layers, pair.base.resid(inputs, layers), strict=True)) if layers else {}
    for direction in directions:
        edit = partial(replace_component, base=streams[direction.layer], unit=direction.unit)
        with pair.finetuned.edit(direction.layer, edit):
            yield _measure(pair, inputs, counted, logits)


def _measure(
    pair: ModelPair,
    inputs: Inputs,
    counted: Bool[Tensor, "texts seq"],
    base: Float[Tensor, "texts predicting rows"],
) -> LossAndDivergence:
    assert inputs.ids is not None  # noqa: S101 - made from texts
    logits, size = pair.finetuned.logits(inputs, keep=slice(0, -1)), pair.vocabulary
    loss_by_token = -token_log_probabilities(logits, inputs.ids[:, 1:], size)
    kl = token_divergences(logits, base, size).kl_pq
    mask = counted[:, :-1].to(kl.device)
    return LossAndDivergence(_mean_by_text(loss_by_token, mask), _mean_by_text(kl, mask))


def _mean_by_text(
    values: Float[Tensor, "texts predicted"], mask: Bool[Tensor, "texts predicted"]
) -> Float[Tensor, " texts"]:
    summed = torch.where(mask, values, 0).sum(dim=1, dtype=torch.float64)
    mean: Tensor = summed / mask.sum(dim=1)
    return mean.cpu()
