"""One pass of each side over all texts; what is kept does not grow with their number."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Model, ModelPair, RunContext, Text, answer_start
from diffkit.maths import VectorMoments
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.places import Places
from diffkit_plugins.activation_lens.plan import Plan
from diffkit_plugins.activation_lens.reading import Reading, read


@dataclass
class Scan:
    """What is known so far; a sample is one text, since the tokens within it are dependent."""

    plan: Plan
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
    def empty(cls, plan: Plan, side: Model, folds: int) -> "Scan":
        """Of no texts; the second moment lies where ``side`` does."""
        shape = (len(plan.slots), len(plan.layers), side.hidden)
        differences = [VectorMoments.empty(*shape) for _ in range(folds)]
        norms = VectorMoments.empty(len(plan.slots), len(plan.layers), 2)
        square = (len(plan.blocks), side.hidden, side.hidden)
        second = torch.zeros(square, dtype=torch.float64, device=side.device)
        return cls(plan, differences, VectorMoments.empty(*shape), norms, second)

    @property
    def reached(self) -> list[int]:
        """How many texts reach each slot."""
        return [int(count) for count in self.base.count]

    def add(self, reading: Reading, places: Places, texts: Sequence[int]) -> None:
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


def scan(pair: ModelPair, config: ActivationLensConfig, context: RunContext, plan: Plan) -> Scan:
    """Reads the texts with both sides on the same token ids.

    Args:
        pair: both sides.
        config: the options.
        context: the texts, and where progress is shown.
        plan: what is read of them.
    """
    texts = context.texts.first(config.texts)
    found = Scan.empty(plan, pair.base, config.folds)
    batches = texts.batches(config.batch_size)
    for numbers in context.progress(batches, label="texts", total=len(batches)):
        batch = [texts.items[number] for number in numbers]
        inputs = pair.base.inputs(batch, max_tokens=config.max_tokens)
        places = Places.of(inputs, plan.slots, _starts(pair.base, batch, found))
        found.add(read(pair, inputs, plan, places), places, numbers)
    return found


def _starts(side: Model, texts: Sequence[Text], found: Scan) -> list[int | None]:
    """Numbers of the first tokens of the texts' first answers, where a slot asks for them."""
    if all(slot.anchor != "answer" for slot in found.plan.slots):
        return [None] * len(texts)
    starts = [answer_start(side.tokenizer, text) for text in texts]
    answered = [any(turn.role == "assistant" for turn in text.messages) for text in texts]
    found.unsplit += sum(a and s is None for a, s in zip(answered, starts, strict=True))
    return starts
