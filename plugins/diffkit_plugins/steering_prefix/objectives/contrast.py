"""Objective ``contrast``: positive texts have to become more likely than negative ones.

Takes two groups of texts. Gives training and held-out objectives over pairs of them.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import softplus

from diffkit import Model, UserError
from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.objectives.base import (
    EmbeddingGradient,
    ObjectiveSplit,
    PrefixObjective,
)
from diffkit_plugins.steering_prefix.objectives.completion import CompletionObjective
from diffkit_plugins.steering_prefix.prompts.layout import PromptLayout, PromptSlot, RoundTrips
from diffkit_plugins.steering_prefix.prompts.references import (
    Continuation,
    ReferenceCompletion,
    certain_reference,
)


class ContrastObjective(PrefixObjective):
    """−log σ(ℓ⁺ − ℓ⁻) of pairs of texts, ℓ being the mean log-likelihood of a text's tokens.

    It is the negative log probability, in the model of Bradley and Terry (1952), that the positive
    text wins. A plain difference has no minimum: a prefix could lower it by making the negative
    texts ever less likely.

    Args:
        texts: the log-likelihoods of all texts, positive ones first.
        positive: number of positive texts.
        round_trips: checks round trips of prefixes before whole texts; the slots of the
            log-likelihoods have only their beginnings.
    """

    def __init__(self, texts: CompletionObjective, positive: int, round_trips: RoundTrips) -> None:
        self.model = texts.model
        self.texts = texts
        self._round_trips = round_trips
        negative = texts.items - positive
        self.pairs = [
            (i % positive, positive + i % negative) for i in range(max(positive, negative))
        ]

    @property
    def items(self) -> int:
        """The number of pairs; each text is in one, and texts of the smaller group in several."""
        return len(self.pairs)

    @property
    def unit(self) -> str:
        """The unit of the losses."""
        return "nats"

    @property
    def floors(self) -> Float[Tensor, " items"]:
        """No loss is below 0."""
        return torch.zeros(self.items)

    def losses(
        self,
        prefixes: Int[Tensor, "prefixes length"],
        items: Sequence[int],
        *,
        parent: Int[Tensor, " parent_length"] | None = None,
    ) -> Float[Tensor, "prefixes items"]:
        """See `PrefixObjective.losses`."""
        texts = sorted({text for item in items for text in self.pairs[item]})
        column = {text: number for number, text in enumerate(texts)}
        losses = self.texts.losses(prefixes, texts, parent=parent)
        positive, negative = (
            losses[:, [column[self.pairs[item][side]] for item in items]] for side in (0, 1)
        )
        return softplus(positive - negative)

    def gradient(
        self, embeddings: Float[Tensor, "length hidden"], items: Sequence[int]
    ) -> EmbeddingGradient:
        """See `PrefixObjective.gradient`; by the chain rule from the gradients of texts."""
        texts = {text for item in items for text in self.pairs[item]}
        each = {text: self.texts.gradient(embeddings, [text]) for text in sorted(texts)}
        loss, gradient = 0.0, torch.zeros_like(embeddings, dtype=torch.float32)
        for item in items:
            positive, negative = (each[text] for text in self.pairs[item])
            difference = torch.tensor(positive.loss - negative.loss)
            loss += float(softplus(difference)) / len(items)
            gradient += difference.sigmoid() * (positive.gradient - negative.gradient) / len(items)
        return EmbeddingGradient(loss, gradient)

    def round_trips(self, prefixes: Int[Tensor, "prefixes length"]) -> list[bool]:
        """See `PrefixObjective.round_trips`."""
        return self._round_trips.check(prefixes.tolist())

    def words(self, prefix: Sequence[int]) -> str:
        """See `PrefixObjective.words`."""
        return self._round_trips.words(prefix)


def contrast_split(
    model: Model, positive: Sequence[str], negative: Sequence[str], config: CompletionOptions
) -> ObjectiveSplit:
    """Objectives of a prefix that makes positive documents more likely than negative ones.

    All tokens of a text have equal weight except the first, which has no prediction without a
    prefix.

    Args:
        model: reads the prefix.
        positive: at least two texts, half of which are held out.
        negative: the same.
        config: separator and batch size.

    Raises:
        UserError: there are too few texts, or one has a single token.
    """
    for name, texts in (("positive", positive), ("negative", negative)):
        if len(texts) < 2:
            hint = f'Try: --set {name}=\'["…", "…"]\', half of which are held out.'
            raise UserError(f"There are {len(texts)} {name} texts; two are needed.", hint=hint)
    layout = PromptLayout(model.tokenizer, config.separator)
    plain = config.model_copy(
        update={"loss": "cross-entropy", "early_weight": 1.0, "half_life": None}
    )

    def half(first: int) -> tuple[ContrastObjective, tuple[PromptSlot, ...]]:
        groups = (positive[first::2], negative[first::2])
        targets = [_text_target(layout, text) for group in groups for text in group]
        slots, references = zip(*targets, strict=True)
        texts = CompletionObjective(
            model, layout, slots, references, vocabulary=model.vocabulary, options=plain
        )
        whole = [layout.slot(text, "document") for group in groups for text in group]
        round_trips = RoundTrips(layout.tokenizer, whole)
        objective = ContrastObjective(texts, len(groups[0]), round_trips)
        return objective, tuple(slots[i] for i, _ in objective.pairs)

    (training, training_slots), (held_out, held_out_slots) = half(0), half(1)
    return ObjectiveSplit(layout, training, held_out, training_slots, held_out_slots)


def _text_target(layout: PromptLayout, text: str) -> tuple[PromptSlot, ReferenceCompletion]:
    """A text as a target: all of its tokens except the first are predicted."""
    slot = layout.slot(text, "document")
    scored = min(len(slot.rest), len(slot.bare) - len(slot.before)) - 1
    if scored < 1:
        what = f"The text {text!r} has a single token, which nothing predicts."
        raise UserError(what, hint="Give longer texts.")
    targets = slot.rest[-scored:]
    beginning = replace(slot, rest=slot.rest[:-scored], bare=slot.bare[:-scored])
    return beginning, certain_reference(Continuation(targets, finished=False, text=text))
