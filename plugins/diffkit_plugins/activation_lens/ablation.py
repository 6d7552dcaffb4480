"""Ablation: how the finetuned side predicts without one direction of its residual stream.

Takes directions. Gives the share of the divergence that each removes, beside the same of
random directions.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Inputs, ModelPair, RunContext
from diffkit.maths import token_divergences, token_log_probabilities
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.mean_shift import Direction


def random_differences(
    pair: ModelPair, like: Direction, config: ActivationLensConfig, context: RunContext
) -> list[Direction]:
    """Directions between the base's residual streams at two random tokens of its texts.

    They lie where the stream varies, as the mean difference does: a direction that is random in
    all coordinates alike hardly touches the stream of a wide model.

    Args:
        pair: both sides.
        like: whose layer and norm they have.
        config: how many there are.
        context: texts and seed.
    """
    generator = torch.Generator().manual_seed(context.seed)
    count, items = 2 * config.controls, context.texts.items
    places = torch.randint(len(items), (count,), generator=generator).tolist()
    draws = torch.rand(count, generator=generator, dtype=torch.float64)
    inputs = pair.base.inputs([items[place] for place in places], max_tokens=config.max_tokens)
    lengths = inputs.mask.sum(dim=1)
    columns = (draws * lengths).long()
    stream = pair.base.resid(inputs, [like.layer])[0]
    ends = stream[range(count), columns.to(stream.device)].double().cpu()[lengths > 0]
    half = len(ends) // 2
    differences = ends[:half] - ends[half : 2 * half]
    norms = differences.norm(dim=1, keepdim=True)
    units = (differences / norms)[norms[:, 0] > 0]
    return [Direction("random", like.layer, unit, like.norm) for unit in units]


@dataclass(frozen=True)
class LossAndDivergence:
    """What is measured of the finetuned side, mean over each text's predicted tokens in nats."""

    loss: Float[Tensor, "*ablations texts"]
    """Its loss, float64."""
    divergence: Float[Tensor, "*ablations texts"]
    """KL(finetuned ‖ base), float64."""


@dataclass(frozen=True)
class AblationEffects:
    """The finetuned side as it is, and without one direction at a time."""

    whole: LossAndDivergence
    without: LossAndDivergence
    """Its first axis is the directions."""

    @property
    def known(self) -> bool:
        """Whether there is a divergence, and texts enough for standard errors."""
        return len(self.whole.loss) > 1 and bool(self.whole.divergence.any())

    @property
    def removed(self) -> Float[Tensor, " ablations"]:
        """The share of the divergence from the base that went with the direction."""
        total = self.whole.divergence.mean()
        return (total - self.without.divergence.mean(dim=1)) / total

    @property
    def removed_error(self) -> Float[Tensor, " ablations"]:
        """Its standard error over texts, as of a ratio of means (Cochran 1977, 6.13)."""
        total = self.whole.divergence
        gone = total - self.without.divergence
        return _standard_error(gone - self.removed[:, None] * total) / total.mean()

    @property
    def loss(self) -> Float[Tensor, " ablations"]:
        """How much the loss grew, in nats per token."""
        return (self.without.loss - self.whole.loss).mean(dim=1)

    @property
    def loss_error(self) -> Float[Tensor, " ablations"]:
        """Its standard error over texts."""
        return _standard_error(self.without.loss - self.whole.loss)


def _standard_error(values: Float[Tensor, "ablations texts"]) -> Float[Tensor, " ablations"]:
    error: Tensor = values.std(dim=1) / math.sqrt(values.shape[1])
    return error


def replace_component(
    stream: Float[Tensor, "texts seq hidden"],
    base: Float[Tensor, "texts seq hidden"],
    unit: Float[Tensor, " hidden"],
) -> Float[Tensor, "texts seq hidden"]:
    """The stream with its part along a direction replaced by the base's.

    Doing it twice is doing it once; where the streams agree along the direction nothing changes.

    Args:
        stream: the finetuned side's.
        base: the base's, of the same tokens.
        unit: the direction, of norm 1.
    """
    unit = unit.to(stream.device, torch.float32)
    along = (base - stream).float() @ unit
    return stream + (along[..., None] * unit).to(stream.dtype)


def ablate(
    pair: ModelPair,
    directions: Sequence[Direction],
    config: ActivationLensConfig,
    context: RunContext,
) -> AblationEffects:
    """Reads texts with the finetuned side as it is and without each direction.

    Args:
        pair: both sides.
        directions: what is taken out, one at a time.
        config: how many texts, and how long.
        context: the texts.
    """
    texts = context.texts.first(config.ablation_texts)
    loss = torch.full((1 + len(directions), len(texts)), torch.nan, dtype=torch.float64)
    divergence = loss.clone()
    batches = texts.batches(config.batch_size)
    for numbers in context.progress(batches, label="ablations", total=len(batches)):
        batch = [texts.items[number] for number in numbers]
        inputs = pair.base.inputs(batch, max_tokens=config.max_tokens)
        for row, reading in enumerate(_measurements(pair, inputs, directions)):
            loss[row, numbers], divergence[row, numbers] = reading.loss, reading.divergence
    kept = loss[0].isfinite()  # texts of one token predict nothing
    loss, divergence = loss[:, kept], divergence[:, kept]
    return AblationEffects(
        LossAndDivergence(loss[0], divergence[0]), LossAndDivergence(loss[1:], divergence[1:])
    )


def _measurements(
    pair: ModelPair, inputs: Inputs, directions: Sequence[Direction]
) -> Iterator[LossAndDivergence]:
    """Of the finetuned side as it is, then without each direction."""
    logits = pair.base.logits(inputs, keep=slice(0, -1))
    yield _measure(pair, inputs, logits)
    layers = sorted({direction.layer for direction in directions})
    streams = dict(zip(layers, pair.base.resid(inputs, layers), strict=True)) if layers else {}
    for direction in directions:
        swap = partial(replace_component, base=streams[direction.layer], unit=direction.unit)
        with pair.finetuned.edit(direction.layer, swap):
            yield _measure(pair, inputs, logits)


def _measure(
    pair: ModelPair, inputs: Inputs, base: Float[Tensor, "texts seq rows"]
) -> LossAndDivergence:
    assert inputs.ids is not None  # noqa: S101 - made from texts
    logits, size = pair.finetuned.logits(inputs, keep=slice(0, -1)), pair.vocabulary
    surprise = -token_log_probabilities(logits, inputs.ids[:, 1:], size)
    kl = token_divergences(logits, base, size).kl_pq
    mask = inputs.mask[:, 1:].to(kl.device)
    loss, divergence = (
        (torch.where(mask, each, 0).sum(dim=1, dtype=torch.float64) / mask.sum(dim=1)).cpu()
        for each in (surprise, kl)
    )
    return LossAndDivergence(loss, divergence)
