"""Collects statistics of both sides' residual streams over all texts.

Takes both sides, the texts, and the layers and slots to read. Gives means and moments whose
size does not grow with the number of texts, and the concentration of the differences.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import geometric_mean

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffkit import Inputs, Model, ModelPair, RunContext, Text, answer_start
from diffkit.maths import VectorMoments
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.slots import Slot, SlotPositions, configured_slots


@dataclass(frozen=True)
class ReadPlan:
    """Layers and slots whose means are taken, and layers that the differences are spread over."""

    layers: tuple[int, ...]
    """Numbers of the blocks after which the slots are read, from 0."""
    slots: tuple[Slot, ...]
    scored: tuple[int, ...] = ()
    """Numbers of the blocks whose concentration the change score is made of."""

    @classmethod
    def of(cls, side: Model, config: ActivationLensConfig) -> "ReadPlan":
        """That of a run.

        Raises:
            UserError: there is no such layer.
        """
        layers, scored = (
            tuple(dict.fromkeys(side.resolve_layers(given)))
            for given in (config.layers, config.scored)
        )
        return cls(layers, configured_slots(config), scored)

    @property
    def blocks(self) -> tuple[int, ...]:
        """All blocks that are read, those of the slots first."""
        return tuple(dict.fromkeys((*self.layers, *self.scored)))


@dataclass(frozen=True)
class BatchActivations:
    """A batch, text by text; float64 but for the second moment."""

    moved: Float[Tensor, "texts slots layers hidden"]
    """The residual stream's difference, finetuned − base."""
    base: Float[Tensor, "texts slots layers hidden"]
    """The base's residual stream."""
    norms: Float[Tensor, "texts slots layers 2"]
    """The Euclidean norms of a token's residual streams, the base's first."""
    second: Float[Tensor, "blocks hidden hidden"]
    """ΔΔᵀ / ‖base‖² summed over tokens, Δ being the difference at a token; float32, where the base
    lies."""


def read_batch(
    pair: ModelPair, inputs: Inputs, plan: ReadPlan, places: SlotPositions
) -> BatchActivations:
    """Reads a batch with both sides, all layers in one pass of each.

    Args:
        pair: both sides.
        inputs: the batch.
        plan: what is read of it.
        places: where the slots are.
    """
    base = pair.base.resid(inputs, plan.blocks).float()
    finetuned = pair.finetuned.resid(inputs, plan.blocks).to(base.device).float()
    moved = finetuned - base
    norms = torch.stack([torch.linalg.vector_norm(side, dim=-1) for side in (base, finetuned)], -1)
    shown = slice(len(plan.layers))
    return BatchActivations(
        places.take(moved[shown]),
        places.take(base[shown]),
        places.take(norms[shown]),
        _second_moment(moved, norms[..., :1], inputs.mask.to(base.device)),
    )


def _second_moment(
    moved: Float[Tensor, "blocks texts seq hidden"],
    norms: Float[Tensor, "blocks texts seq 1"],
    mask: Bool[Tensor, "texts seq"],
) -> Float[Tensor, "blocks hidden hidden"]:
    there = norms[:, mask]
    relative = torch.where(there > 0, moved[:, mask] / there, 0)
    return relative.mT @ relative


@dataclass
class ActivationStatistics:
    """What is known so far; a sample is one text, since the tokens within it are dependent."""

    plan: ReadPlan
    """What is read of each text."""
    differences: list[VectorMoments]
    """Of finetuned − base, [slots, layers, hidden], for each fold of texts."""
    base: VectorMoments
    """Of the base's residual stream, [slots, layers, hidden]."""
    norms: VectorMoments
    """Of both sides' norms, [slots, layers, 2], the base first."""
    second: Float[Tensor, "blocks hidden hidden"]
    """Summed over tokens: ΔΔᵀ / ‖base‖², Δ being finetuned − base at a token."""
    unsplit: int = 0
    """Chats with an answer whose first token cannot be told."""

    @classmethod
    def empty(cls, plan: ReadPlan, side: Model, folds: int) -> "ActivationStatistics":
        """Of no texts; the second moment lies where ``side`` does."""
        shape = (len(plan.slots), len(plan.layers), side.d_model)
        differences = [VectorMoments.empty(*shape) for _ in range(folds)]
        norms = VectorMoments.empty(len(plan.slots), len(plan.layers), 2)
        square = (len(plan.blocks), side.d_model, side.d_model)
        second = torch.zeros(square, dtype=torch.float64, device=side.device)
        return cls(plan, differences, VectorMoments.empty(*shape), norms, second)

    @property
    def reached(self) -> list[int]:
        """How many texts reach each slot."""
        return [int(count) for count in self.base.count]

    def add(self, reading: BatchActivations, places: SlotPositions, texts: Sequence[int]) -> None:
        """Takes in a batch.

        Args:
            reading: what was read of it.
            places: where its slots are.
            texts: numbers of the batch's texts in the suite, which decide on their folds.
        """
        folds = torch.tensor(texts) % len(self.differences)
        for fold in sorted(set(folds.tolist())):
            chosen = folds == fold
            grown = self.differences[fold].add(reading.moved[chosen], places.present[chosen])
            self.differences[fold] = grown
        self.norms = self.norms.add(reading.norms, places.present)
        self.base = self.base.add(reading.base, places.present)
        self.second += reading.second


def collect_statistics(
    pair: ModelPair, config: ActivationLensConfig, context: RunContext, plan: ReadPlan
) -> ActivationStatistics:
    """Reads the texts with both sides on the same token ids.

    Args:
        pair: both sides.
        config: the options.
        context: the texts, and where progress is shown.
        plan: what is read of them.
    """
    texts = context.texts.first(config.texts)
    found = ActivationStatistics.empty(plan, pair.base, config.folds)
    batches = texts.batches(config.batch_size)
    for numbers in context.progress(batches, label="texts", total=len(batches)):
        batch = [texts.items[number] for number in numbers]
        inputs = pair.base.inputs(batch, max_tokens=config.max_tokens)
        places = SlotPositions.of(inputs, plan.slots, _answer_starts(pair.base, batch, found))
        found.add(read_batch(pair, inputs, plan, places), places, numbers)
    return found


def _answer_starts(
    side: Model, texts: Sequence[Text], found: ActivationStatistics
) -> list[int | None]:
    """Numbers of the first tokens of the texts' first answers, where a slot asks for them."""
    if all(slot.anchor != "answer" for slot in found.plan.slots):
        return [None] * len(texts)
    starts = [answer_start(side.tokenizer, text) for text in texts]
    answered = [any(turn.role == "assistant" for turn in text.messages) for text in texts]
    found.unsplit += sum(a and s is None for a, s in zip(answered, starts, strict=True))
    return starts


def concentration(second: Float[Tensor, "hidden hidden"]) -> float:
    """Of a second moment C, tr C² / (tr C)²: from 1/hidden to 1, where all is in one direction.

    It is the inverse of the participation ratio, the number of directions that are as good as
    taken (Gao and others 2017); and the mean squared cosine between the differences at two tokens,
    each counting by its squared length. It does not change with the size of the differences.

    Args:
        second: symmetric; any multiple of the mean of ΔΔᵀ.

    Returns:
        0 where nothing moved.
    """
    trace = float(second.trace())
    return float(second.square().sum()) / trace**2 if trace else 0.0


def layer_concentrations(found: ActivationStatistics) -> dict[int, float]:
    """Of each block that was read, by its number, from the first."""
    blocks = sorted(zip(found.plan.blocks, found.second, strict=True), key=lambda pair: pair[0])
    return {number: concentration(second) for number, second in blocks}


def change_score(found: ActivationStatistics) -> float:
    """Geometric mean over the scored blocks that moved; where none did, over all that did, or 0."""
    moved = {number: value for number, value in layer_concentrations(found).items() if value}
    scored = [value for number, value in moved.items() if number in found.plan.scored]
    return geometric_mean(scored or moved.values()) if moved else 0.0
