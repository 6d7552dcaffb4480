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
from diffkit.analysis import SelectedPositions
from diffkit.maths import VectorMoments
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.slots import Slot, SlotPositions, configured_slots


@dataclass(frozen=True)
class ReadPlan:
    """The layers and slots whose means are taken, and the layers that make the change score."""

    layers: tuple[int, ...]
    """Numbers of the blocks after which the slots are read, from 0."""
    slots: tuple[Slot, ...]
    scored: tuple[int, ...] = ()
    """Numbers of the blocks whose concentration makes the change score."""

    @classmethod
    def of(cls, side: Model, config: ActivationLensConfig) -> "ReadPlan":
        """The layers and slots that the options name.

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
        """All blocks that are read, those of ``layers`` first."""
        return tuple(dict.fromkeys((*self.layers, *self.scored)))


@dataclass(frozen=True)
class BatchActivations:
    """Activations of one batch, text by text; in float64 except for the second moment."""

    difference: Float[Tensor, "texts slots layers hidden"]
    """The residual stream's difference, finetuned − base."""
    base: Float[Tensor, "texts slots layers hidden"]
    """The base's residual stream."""
    norms: Float[Tensor, "texts slots layers 2"]
    """The Euclidean norms of a token's residual streams, the base's first."""
    second: Float[Tensor, "blocks hidden hidden"]
    """ΔΔᵀ / ‖base‖² summed over tokens that count, Δ being the difference at a token; in float32,
    on the base's device."""


def read_batch(
    pair: ModelPair, inputs: Inputs, plan: ReadPlan, positions: SlotPositions
) -> BatchActivations:
    """Runs both sides on a batch, with one forward pass each for all layers.

    Args:
        pair: both sides.
        inputs: the batch.
        plan: layers and slots to read.
        positions: the slots' columns in the batch.
    """
    base = pair.base.resid(inputs, plan.blocks).float()
    finetuned = pair.finetuned.resid(inputs, plan.blocks).to(base.device).float()
    difference = finetuned - base
    norms = torch.stack([torch.linalg.vector_norm(side, dim=-1) for side in (base, finetuned)], -1)
    shown = slice(len(plan.layers))
    return BatchActivations(
        positions.take(difference[shown]),
        positions.take(base[shown]),
        positions.take(norms[shown]),
        _second_moment(difference, norms[..., :1], positions.mask.to(base.device)),
    )


def _second_moment(
    difference: Float[Tensor, "blocks texts seq hidden"],
    norms: Float[Tensor, "blocks texts seq 1"],
    mask: Bool[Tensor, "texts seq"],
) -> Float[Tensor, "blocks hidden hidden"]:
    token_norms = norms[:, mask]
    relative = torch.where(token_norms > 0, difference[:, mask] / token_norms, 0)
    return relative.mT @ relative


@dataclass
class ActivationStatistics:
    """Running statistics; a sample is one text, since the tokens of a text are dependent."""

    plan: ReadPlan
    """Layers and slots that are read of each text."""
    differences: list[VectorMoments]
    """Of finetuned − base, [slots, layers, hidden]; one for each fold of texts."""
    base: VectorMoments
    """Of the base's residual stream, [slots, layers, hidden]."""
    norms: VectorMoments
    """Of both sides' norms, [slots, layers, 2], the base's first."""
    second: Float[Tensor, "blocks hidden hidden"]
    """Summed over tokens that count: ΔΔᵀ / ‖base‖², Δ being finetuned − base at a token."""
    selected: SelectedPositions
    """Which tokens count."""
    unlocated: int = 0
    """Chats with an answer whose first token cannot be located."""

    @classmethod
    def empty(
        cls, plan: ReadPlan, side: Model, config: ActivationLensConfig
    ) -> "ActivationStatistics":
        """Statistics of no texts; the second moment is on the device of ``side``."""
        shape = (len(plan.slots), len(plan.layers), side.d_model)
        differences = [VectorMoments.empty(*shape) for _ in range(config.folds)]
        norms = VectorMoments.empty(len(plan.slots), len(plan.layers), 2)
        square = (len(plan.blocks), side.d_model, side.d_model)
        second = torch.zeros(square, dtype=torch.float64, device=side.device)
        selected = SelectedPositions(side.tokenizer, config.positions)
        return cls(plan, differences, VectorMoments.empty(*shape), norms, second, selected)

    @property
    def reached(self) -> list[int]:
        """How many texts reach each slot."""
        return [int(count) for count in self.base.count]

    def add(self, batch: BatchActivations, positions: SlotPositions, texts: Sequence[int]) -> None:
        """Adds a batch.

        Args:
            batch: its activations.
            positions: the columns of its slots.
            texts: indices of the batch's texts, which determine their folds.
        """
        folds = torch.tensor(texts) % len(self.differences)
        for fold in sorted(set(folds.tolist())):
            rows = folds == fold
            self.differences[fold] = self.differences[fold].add(
                batch.difference[rows], positions.present[rows]
            )
        self.norms = self.norms.add(batch.norms, positions.present)
        self.base = self.base.add(batch.base, positions.present)
        self.second += batch.second


def collect_statistics(
    pair: ModelPair, config: ActivationLensConfig, context: RunContext, plan: ReadPlan
) -> ActivationStatistics:
    """Runs both sides on the same token ids of all texts.

    Args:
        pair: both sides.
        config: the options.
        context: texts and progress.
        plan: layers and slots to read.

    Raises:
        UserError: no token has one of the labels that are read.
    """
    texts = context.texts.first(config.texts)
    statistics = ActivationStatistics.empty(plan, pair.base, config)
    batches = texts.batches(config.batch_size)
    for numbers in context.progress(batches, label="texts", total=len(batches)):
        batch = [texts.items[number] for number in numbers]
        inputs = pair.base.inputs(batch, max_tokens=config.max_tokens)
        starts = _answer_starts(pair.base, batch, statistics)
        counted = statistics.selected.tokens(inputs, batch)
        positions = SlotPositions.of(inputs, plan.slots, starts, counted)
        statistics.add(read_batch(pair, inputs, plan, positions), positions, numbers)
    statistics.selected.check()
    return statistics


def _answer_starts(
    side: Model, texts: Sequence[Text], statistics: ActivationStatistics
) -> list[int | None]:
    """Index of the first token of each text's first answer, if a slot counts from it."""
    if all(slot.anchor != "answer" for slot in statistics.plan.slots):
        return [None] * len(texts)
    starts = [answer_start(side.tokenizer, text) for text in texts]
    answered = [any(turn.role == "assistant" for turn in text.messages) for text in texts]
    statistics.unlocated += sum(a and s is None for a, s in zip(answered, starts, strict=True))
    return starts


def concentration(second: Float[Tensor, "hidden hidden"]) -> float:
    """The concentration tr C² / (tr C)² of a second moment C.

    It goes from 1/hidden, where all directions vary alike, to 1, where a single one does. It is the
    inverse of the participation ratio, an effective number of directions (Gao and others 2017), and
    the mean squared cosine between the differences at two tokens, weighted by squared length. It
    does not depend on the size of the differences.

    Args:
        second: symmetric; any multiple of the mean of ΔΔᵀ.

    Returns:
        The concentration; 0 if there is no difference.
    """
    trace = float(second.trace())
    return float(second.square().sum()) / trace**2 if trace else 0.0


def layer_concentrations(statistics: ActivationStatistics) -> dict[int, float]:
    """The concentration after each block that was read, in the order of the blocks."""
    blocks = sorted(
        zip(statistics.plan.blocks, statistics.second, strict=True), key=lambda pair: pair[0]
    )
    return {number: concentration(second) for number, second in blocks}


def change_score(statistics: ActivationStatistics) -> float:
    """Geometric mean over the scored blocks that differ; if none does, over all that do, or 0."""
    values = {number: value for number, value in layer_concentrations(statistics).items() if value}
    scored = [value for number, value in values.items() if number in statistics.plan.scored]
    return geometric_mean(scored or values.values()) if values else 0.0
