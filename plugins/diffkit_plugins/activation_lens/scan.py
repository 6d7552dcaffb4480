"""One pass of each side over all texts; what is kept does not grow with their number."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import ModelPair, RunContext
from diffkit.maths import VectorMoments
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.reading import Reading, Slots, read


@dataclass
class Scan:
    """What is known so far; a sample is one text, since the tokens within it are dependent."""

    layers: tuple[int, ...]
    """Numbers of the blocks that are read, from 0."""
    differences: list[VectorMoments]
    """Of finetuned − base, [slots, layers, hidden], for each fold of texts."""
    base: VectorMoments
    """Of the base's residual stream, [slots, layers, hidden]."""
    norms: VectorMoments
    """Of both sides' norms, [slots, layers, 2], the base first."""

    @classmethod
    def empty(cls, layers: tuple[int, ...], slots: int, hidden: int, folds: int) -> "Scan":
        """Of no texts."""
        shape = (slots, len(layers), hidden)
        differences = [VectorMoments.empty(*shape) for _ in range(folds)]
        norms = VectorMoments.empty(slots, len(layers), 2)
        return cls(layers, differences, VectorMoments.empty(*shape), norms)

    def add(self, base: Reading, finetuned: Reading, slots: Slots, texts: Sequence[int]) -> None:
        """Takes in a batch.

        Args:
            base: what the base read.
            finetuned: what the finetuned side read, of the same token ids.
            slots: where the batch's positions are.
            texts: numbers of the batch's texts in the suite, which decide on their folds.
        """
        moved = finetuned.values - base.values
        folds = torch.tensor(texts) % len(self.differences)
        for fold in sorted(set(folds.tolist())):
            chosen = folds == fold
            grown = self.differences[fold].add(moved[chosen], slots.present[chosen])
            self.differences[fold] = grown
        norms: Float[Tensor, "texts slots layers 2"]
        norms = torch.stack([base.norms, finetuned.norms], dim=-1)
        self.norms = self.norms.add(norms, slots.present)
        self.base = self.base.add(base.values, slots.present)


def scan(pair: ModelPair, config: ActivationLensConfig, context: RunContext) -> Scan:
    """Reads the texts with both sides on the same token ids.

    Args:
        pair: both sides.
        config: the options.
        context: the texts, and where progress is shown.

    Raises:
        UserError: there is no such layer.
    """
    texts = context.texts.first(config.texts)
    layers = tuple(dict.fromkeys(pair.base.numbers(config.layers)))
    found = Scan.empty(layers, config.positions + 1, pair.base.hidden, config.folds)
    batches = texts.batches(config.batch_size)
    for numbers in context.progress(batches, label="texts", total=len(batches)):
        batch = [texts.items[number] for number in numbers]
        inputs = pair.base.inputs(batch, max_tokens=config.max_tokens)
        places = Slots.of(inputs, config.positions)
        base, finetuned = (read(s, inputs, layers, places) for s in (pair.base, pair.finetuned))
        found.add(base, finetuned, places, numbers)
    return found
