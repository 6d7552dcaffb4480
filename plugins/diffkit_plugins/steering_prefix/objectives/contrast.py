"""Objective ``contrast``: positive texts are to become likelier than negative ones.

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

    It is the odds of Bradley and Terry (1952) that the positive text wins. A mere difference could
    fall for ever, by a prefix that only garbles the negative texts; this one cannot.

    Args:
        texts: the log-likelihoods of all texts, positive ones first.
        positive: how many of them are positive.
        whole: reads prefixes back before whole texts, of which the log-likelihoods' places hold
            the beginnings alone.
    """

    def __init__(self, texts: CompletionObjective, positive: int, whole: RoundTrips) -> None:
        self.model = texts.model
        self.texts = texts
        self._reads_back = whole
        negative = texts.items - positive
        self.pairs = [
            (i % positive, positive + i % negative) for i in range(max(positive, negative))
        ]

    @property
    def items(self) -> int:
        """How many pairs there are: each text is in one, and those of the fewer kind in several."""
        return len(self.pairs)

    @property
    def unit(self) -> str:
        """What the losses are measured in."""
        return "nats"

    @property
    def floors(self) -> Float[Tensor, " items"]:
        """No loss is below 0."""
        return torch.zeros(self.items)

    def losses(
        self,
        prefixes: Int[Tensor, "tried length"],
        items: Sequence[int],
        *,
        near: Int[Tensor, " near_length"] | None = None,
    ) -> Float[Tensor, "tried items"]:
        """See `Objective.losses`."""
        texts = sorted({text for item in items for text in self.pairs[item]})
        column = {text: place for place, text in enumerate(texts)}
        lost = self.texts.losses(prefixes, texts, near=near)
        positive, negative = (
            lost[:, [column[self.pairs[item][which]] for item in items]] for which in (0, 1)
        )
        return softplus(positive - negative)

    def gradient(
        self, embeddings: Float[Tensor, "length hidden"], items: Sequence[int]
    ) -> EmbeddingGradient:
        """See `Objective.gradient`; by the chain rule from the gradients of texts."""
        texts = {text for item in items for text in self.pairs[item]}
        each = {text: self.texts.gradient(embeddings, [text]) for text in sorted(texts)}
        loss, gradient = 0.0, torch.zeros_like(embeddings, dtype=torch.float32)
        for item in items:
            positive, negative = (each[text] for text in self.pairs[item])
            ahead = torch.tensor(positive.loss - negative.loss)
            loss += float(softplus(ahead)) / len(items)
            gradient += ahead.sigmoid() * (positive.gradient - negative.gradient) / len(items)
        return EmbeddingGradient(loss, gradient)

    def reads_back(self, prefixes: Int[Tensor, "tried length"]) -> list[bool]:
        """See `Objective.reads_back`."""
        return self._reads_back(prefixes.tolist())


def contrast_split(
    model: Model, positive: Sequence[str], negative: Sequence[str], config: CompletionOptions
) -> ObjectiveSplit:
    """A prefix before documents under which positive ones are likelier than negative ones.

    All tokens of a text count alike, but for the first, which without a prefix nothing predicts.

    Args:
        model: reads the prefix.
        positive: at least two texts, half of which are held out.
        negative: the same.
        config: separator, and rows at a time.

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
        own = (positive[first::2], negative[first::2])
        found = [_text(layout, text) for texts in own for text in texts]
        places, references = zip(*found, strict=True)
        texts = CompletionObjective(
            model, layout, places, references, vocabulary=model.vocabulary, options=plain
        )
        whole = [layout.place(text, "document") for kind in own for text in kind]
        objective = ContrastObjective(texts, len(own[0]), RoundTrips(layout.tokenizer, whole))
        return objective, tuple(places[i] for i, _ in objective.pairs)

    (training, places), (held_out, others) = half(0), half(1)
    return ObjectiveSplit(layout, training, held_out, places, others)


def _text(layout: PromptLayout, words: str) -> tuple[PromptSlot, ReferenceCompletion]:
    """A text, of which all tokens but the first are to be predicted."""
    place = layout.place(words, "document")
    scored = min(len(place.rest), len(place.bare) - len(place.before)) - 1
    if scored < 1:
        what = f"The text {words!r} has a single token, which nothing predicts."
        raise UserError(what, hint="Give longer texts.")
    targets = place.rest[-scored:]
    opening = replace(place, rest=place.rest[:-scored], bare=place.bare[:-scored])
    return opening, certain_reference(Continuation(targets, finished=False, text=words))
