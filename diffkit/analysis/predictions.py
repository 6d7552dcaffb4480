"""Predictions: over the vocabulary that both sides have, of given continuations, and their KL."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit.engine.inputs import Inputs
from diffkit.engine.model import Model
from diffkit.engine.pair import ModelPair
from diffkit.maths import token_divergences, token_log_probabilities
from diffkit.texts import Texts

MAX_TOKENS = 512
"""Tokens read of each neutral text."""

MAX_LOGITS = 2**26
"""Logits of one side held at a time, at the most where one text alone has fewer."""


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
    size = max(1, MAX_LOGITS // (MAX_TOKENS * pair.base.vocab_rows))
    for numbers in texts.batches(size):
        batch = [texts.items[number] for number in numbers]
        inputs = pair.base.inputs(batch, max_tokens=MAX_TOKENS)
        mask = inputs.mask[:, 1:].to(pair.base.device)  # a text's first token is not predicted
        if mask.any():
            p, q = (side.logits(inputs, keep=slice(0, -1)) for side in (pair.finetuned, pair.base))
            divergence = token_divergences(p, q, pair.vocabulary).kl_pq[mask]
            total, count = total + float(divergence.double().sum()), count + len(divergence)
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
        return cls(inputs, inputs.ids[:, inputs.ids.shape[1] - max(lengths) :], lengths)

    @property
    def longest(self) -> int:
        """The number of tokens of the longest continuation."""
        return self.ids.shape[1]

    @property
    def mask(self) -> Bool[Tensor, "batch longest"]:
        """True at the continuations' own tokens."""
        return torch.arange(self.longest) >= self.longest - torch.tensor(self.lengths)[:, None]

    def log_probabilities(
        self, logits: Float[Tensor, "batch longest rows"], vocabulary: int, chunk: int = 128
    ) -> Float[Tensor, "batch longest"]:
        """The log probability of each token of the continuations, in nats, on the CPU.

        Args:
            logits: the predictions of these tokens, each of them one position before the token.
            vocabulary: the number of tokens that count, such as those that both sides have.
            chunk: the number of positions at a time; memory is proportional to it.

        Returns:
            Float32; to be ignored where `mask` is false.
        """
        return token_log_probabilities(logits, self.ids, vocabulary, chunk).cpu()

    def score(
        self, model: Model, vocabulary: int, chunk: int = 128
    ) -> Float[Tensor, "batch longest"]:
        """The same, with the predictions of a model that reads prompts and continuations."""
        logits = model.logits(self.inputs, keep=self.longest + 1)[:, :-1]
        return self.log_probabilities(logits, vocabulary, chunk)

    def split(self, values: Float[Tensor, "batch longest"]) -> list[Float[Tensor, " tokens"]]:
        """The values of each continuation's own tokens."""
        return [
            row[self.longest - length :] for row, length in zip(values, self.lengths, strict=True)
        ]
