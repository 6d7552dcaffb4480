"""How far a model is from giving reference completions after a prefix."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Inputs, Model
from diffkit_plugins.steering_prefix.embedding import Around, Embedder
from diffkit_plugins.steering_prefix.layout import Layout, Place
from diffkit_plugins.steering_prefix.objective import EmbeddingGradient, Objective
from diffkit_plugins.steering_prefix.reading_back import ReadsBack
from diffkit_plugins.steering_prefix.references import Reference
from diffkit_plugins.steering_prefix.rows import Row, read_rows
from diffkit_plugins.steering_prefix.search_options import CompletionOptions
from diffkit_plugins.steering_prefix.targets import Targets


class CompletionObjective(Objective):
    """KL(reference ‖ model), or −log p, as a weighted mean over the tokens of a completion.

    Args:
        model: reads the prefix.
        layout: writes the prompts.
        places: the suffixes, one for each item.
        references: what is to follow each.
        vocabulary: how many tokens both models have.
        options: loss, weights, and rows at a time.
    """

    def __init__(
        self,
        model: Model,
        layout: Layout,
        places: Sequence[Place],
        references: Sequence[Reference],
        *,
        vocabulary: int,
        options: CompletionOptions,
    ) -> None:
        self.model = model
        self.places = tuple(places)
        self.references = tuple(references)
        self._batch_size = options.batch_size
        self._targets = Targets.of(self.references, vocabulary, options, model.device)
        around = [
            Around(place.before, (*place.rest, *reference.targets[:-1]))
            for place, reference in zip(self.places, self.references, strict=True)
        ]
        self._embedder = Embedder(model, around, options.batch_size)
        self._floors = self._targets.floors(self.references)
        self._reads_back = ReadsBack(layout.tokenizer, self.places)

    @property
    def items(self) -> int:
        """How many suffixes there are."""
        return len(self.places)

    @property
    def unit(self) -> str:
        """What the losses are measured in."""
        return "nats per token"

    @property
    def floors(self) -> Float[Tensor, " items"]:
        """The reference's own losses: 0 of a KL, what it finds its own completion of −log p."""
        return self._floors

    @property
    def empty(self) -> Float[Tensor, " items"]:
        """The losses without a prefix."""
        nothing = torch.zeros(1, 0, dtype=torch.long)
        return self.losses(nothing, range(self.items))[0]

    def losses(
        self,
        prefixes: Int[Tensor, "tried length"],
        items: Sequence[int],
        *,
        near: Int[Tensor, " near_length"] | None = None,
    ) -> Float[Tensor, "tried items"]:
        """See `Objective.losses`; what prefixes share with ``near`` is read once."""
        rows = self._rows(prefixes.tolist(), items, [] if near is None else near.tolist())
        found = torch.zeros(len(prefixes), len(items))
        for read in read_rows(self.model, rows, self._batch_size):
            places = torch.tensor([row.column for row in read.rows])
            which = torch.tensor(items)[places]
            losses = self._targets.losses(read.logits, which.to(read.logits.device))
            found[torch.tensor([row.tried for row in read.rows]), places] = losses.cpu()
        return found

    def gradient(
        self, embeddings: Float[Tensor, "length hidden"], items: Sequence[int]
    ) -> EmbeddingGradient:
        """See `Objective.gradient`."""
        return self._embedder.gradient(embeddings, items, self._differentiable)

    def reads_back(self, prefixes: Int[Tensor, "tried length"]) -> list[bool]:
        """See `Objective.reads_back`."""
        return self._reads_back(prefixes.tolist())

    def _rows(
        self, prefixes: Sequence[list[int]], items: Sequence[int], near: Sequence[int]
    ) -> list[Row]:
        return [
            Row(
                tried,
                column,
                ids=(*self.places[item].prompt(prefix), *self.references[item].targets[:-1]),
                begins=(*self.places[item].before, *near),
                kept=len(self.references[item].targets),
            )
            for tried, prefix in enumerate(prefixes)
            for column, item in enumerate(items)
        ]

    def _differentiable(self, inputs: Inputs, items: Sequence[int]) -> Float[Tensor, " rows"]:
        kept = max(len(self.references[item].targets) for item in items)
        logits = self.model.logits(inputs, keep=kept)
        return self._targets.losses(logits, torch.tensor(items, device=logits.device))
