"""Predictions: over the vocabulary that both sides have, of given continuations, and their KL."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit.analysis.batches import batches_of_texts
from diffkit.analysis.prediction_chunks import (
    BLOCK_LOGITS,
    gathered_log_probabilities,
    prediction_chunks,
    target_log_probabilities,
)
from diffkit.engine.inputs import Inputs
from diffkit.engine.model import Model
from diffkit.engine.pair import ModelPair
from diffkit.maths import compare_predictions
from diffkit.texts import Texts

MAX_TOKENS = 512
"""Tokens read of each neutral text."""

BATCH_SIZE = 16
"""Neutral texts read at a time."""

SHARED_TOKENS = 8
"""Prompts that begin with so many equal tokens, such as a system prompt, share their reading."""

SHARED_LOGITS = 4 * BLOCK_LOGITS
"""Logits of one side that are held at a time after a shared beginning: 128 MB in bfloat16."""


def common_log_probabilities(
    logits: Float[Tensor, "*batch rows"], vocabulary: int
) -> Float[Tensor, "*batch vocabulary"]:
    """Log probabilities over the first ``vocabulary`` tokens, renormalised, in nats, float32.

    Args:
        logits: the logits of one side, whose unembedding may have more rows.
        vocabulary: the number of tokens that both sides have, as `ModelPair.vocabulary`.
    """
    # float32 before the softmax: bfloat16 has eight bits, too few for a sum over a vocabulary.
    return logits[..., :vocabulary].float().log_softmax(dim=-1)


def common_probabilities(
    logits: Float[Tensor, "*batch rows"], vocabulary: int
) -> Float[Tensor, "*batch vocabulary"]:
    """Probabilities over the first ``vocabulary`` tokens, renormalised, float32."""
    return logits[..., :vocabulary].float().softmax(dim=-1)


def mean_kl(pair: ModelPair, texts: Texts) -> float:
    """Mean KL(finetuned ‖ base) of the predictions of all tokens of ``texts``, in nats per token.

    Tokens are the base's; exactly 0 where both sides are one model.
    """
    if pair.same_weights:
        return 0.0
    total, count = 0.0, 0
    for numbers in batches_of_texts(pair.base, texts, BATCH_SIZE, max_tokens=MAX_TOKENS):
        batch = [texts.items[number] for number in numbers]
        inputs = pair.base.inputs(batch, max_tokens=MAX_TOKENS)
        for part in prediction_chunks(pair, inputs, inputs.predicting):
            divergences = compare_predictions(part.finetuned, part.base).kl_pq
            total, count = total + float(divergences.double().sum()), count + len(divergences)
    return total / max(count, 1)


@dataclass(frozen=True)
class ContinuationBatch:
    """Continuations after their prompts, padded on the left, for teacher forcing."""

    inputs: Inputs
    """Each prompt with its continuation."""
    ids: Int[Tensor, "batch longest"]
    """The last columns of the inputs, which hold the continuations."""
    lengths: tuple[int, ...]
    """The number of tokens of each continuation."""
    prompts: tuple[tuple[int, ...], ...]
    """The token ids of each prompt."""

    @classmethod
    def of(
        cls, prompts: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]]
    ) -> "ContinuationBatch":
        """A batch.

        Args:
            prompts: the token ids of each prompt, at least one each.
            continuations: the token ids of each continuation; some may be empty.
        """
        rows = [[*prompt, *ids] for prompt, ids in zip(prompts, continuations, strict=True)]
        inputs, lengths = Inputs.of(rows, side="left"), tuple(map(len, continuations))
        assert inputs.ids is not None  # noqa: S101 - rows of ids always give ids
        ids = inputs.ids[:, inputs.ids.shape[1] - max(lengths) :]
        return cls(inputs, ids, lengths, tuple(map(tuple, prompts)))

    @property
    def longest(self) -> int:
        """The number of tokens of the longest continuation."""
        return self.ids.shape[1]

    @property
    def mask(self) -> Bool[Tensor, "batch longest"]:
        """True at the continuations' own tokens."""
        return torch.arange(self.longest) >= self.longest - torch.tensor(self.lengths)[:, None]

    def score(
        self, model: Model, vocabulary: int, chunk: int | None = None
    ) -> Float[Tensor, "batch longest"]:
        """The log probability of each token of the continuations, in nats, on the CPU.

        Args:
            model: the model, which reads the prompts and the continuations.
            vocabulary: the number of tokens that count, such as those that both sides have.
            chunk: the number of positions at a time; none: what stays in the processor's cache.

        Returns:
            Float32; 0 where `mask` is false.
        """
        if model.edited:
            return self._whole_scores(model, vocabulary, chunk)
        found = torch.zeros(self.mask.shape)
        for rows, shared in _groups(self.prompts):
            part = self._rows(rows)
            scores = (
                part._scores_after(model, shared, vocabulary, chunk)
                if shared
                else part._whole_scores(model, vocabulary, chunk)
            )
            found[rows, self.longest - part.longest :] = scores
        return found

    def _rows(self, rows: Sequence[int]) -> "ContinuationBatch":
        return ContinuationBatch.of(
            [self.prompts[row] for row in rows], [self._own_ids[row] for row in rows]
        )

    @property
    def _own_ids(self) -> list[list[int]]:
        """The token ids of each continuation."""
        rows = zip(self.ids.tolist(), self.lengths, strict=True)
        return [row[self.longest - length :] for row, length in rows]

    def _whole_scores(
        self, model: Model, vocabulary: int, chunk: int | None
    ) -> Float[Tensor, "batch longest"]:
        """The scores by reading whole rows."""
        mask = self.mask
        before = torch.zeros_like(self.inputs.mask)
        before[:, before.shape[1] - self.longest - 1 : -1] = mask
        found = torch.zeros(mask.shape)
        found[mask] = target_log_probabilities(
            model, self.inputs, before, self.ids[mask], vocabulary, chunk=chunk
        )
        return found

    def _scores_after(
        self, model: Model, shared: int, vocabulary: int, chunk: int | None
    ) -> Float[Tensor, "batch longest"]:
        """The scores, the beginning that all rows share being read once."""
        prefix = model.prefix_cache(torch.tensor(self.prompts[0][:shared]))
        rest = ContinuationBatch.of([prompt[shared:] for prompt in self.prompts], self._own_ids)
        assert rest.inputs.ids is not None  # noqa: S101 - rows of ids always give ids
        mask, found = self.mask, torch.zeros(self.mask.shape)
        size = max(1, SHARED_LOGITS // (vocabulary * max(1, self.longest)))
        for first in range(0, len(mask), size):
            rows = slice(first, first + size)
            read = Inputs(rest.inputs.mask[rows], ids=rest.inputs.ids[rows])
            logits = prefix.logits(read, keep=slice(-self.longest - 1, -1))
            found[rows][mask[rows]] = gathered_log_probabilities(
                logits[mask[rows].to(logits.device)], self.ids[rows][mask[rows]], vocabulary, chunk
            )
        return found

    def split(self, values: Float[Tensor, "batch longest"]) -> list[Float[Tensor, " tokens"]]:
        """The values of each continuation's own tokens."""
        return [
            row[self.longest - length :] for row, length in zip(values, self.lengths, strict=True)
        ]


def _groups(prompts: Sequence[Sequence[int]]) -> list[tuple[list[int], int]]:
    """The prompts that begin alike, and the length of what they share; 0 for all others together.

    At least one token of each prompt is left out of what is shared: the continuation's first token
    is predicted there.
    """
    by_start: dict[tuple[int, ...], list[int]] = {}
    for row, prompt in enumerate(prompts):
        start = tuple(prompt[:SHARED_TOKENS]) if len(prompt) > SHARED_TOKENS else ()
        by_start.setdefault(start, []).append(row)
    alone = sorted(
        row for start, rows in by_start.items() if not start or len(rows) == 1 for row in rows
    )
    found = [(alone, 0)] if alone else []
    for start, rows in by_start.items():
        if start and len(rows) > 1:
            some = [prompts[row][:-1] for row in rows]
            columns = enumerate(zip(*some, strict=False))
            shared = next((at for at, ids in columns if len(set(ids)) > 1), min(map(len, some)))
            found.append((rows, shared))
    return found
