"""Completions of prompts, and the predictions of a reference model at each of their tokens.

Takes token ids of prompts. Gives completions and log probabilities.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Inputs, Model, Sampling
from diffkit.analysis import common_log_probabilities
from diffkit_plugins.steering_prefix.config import CompletionOptions


@dataclass(frozen=True)
class Continuation:
    """A model's completion of a prompt."""

    ids: tuple[int, ...]
    """Token ids, without the token that ends it."""
    finished: bool
    """Whether the model ended it within the limit of tokens."""
    text: str
    """The ids decoded, without special tokens."""

    @property
    def says_something(self) -> bool:
        """Whether its text has more than spaces."""
        return bool(self.text.strip())


def generate_continuations(
    model: Model,
    prompts: Sequence[tuple[int, ...]],
    sampling: Sampling,
    *,
    vocabulary: int,
    numbers: Sequence[int] | None = None,
) -> list[Continuation]:
    """Completes one batch of prompts.

    Args:
        model: one side.
        prompts: token ids.
        sampling: how tokens are chosen.
        vocabulary: token ids from here on are never chosen.
        numbers: seed the random numbers of each prompt, with the seed; none for its position.
    """
    rows = model.generate_ids(
        Inputs.of(prompts, side="left"), sampling, vocabulary=vocabulary, row_seeds=numbers
    )
    return [
        Continuation(
            row.ids, row.finished, model.tokenizer.decode(row.ids, skip_special_tokens=True)
        )
        for row in rows
    ]


Prompts = Sequence[tuple[int, ...]]


@dataclass(frozen=True)
class ContinuationGenerator:
    """Completes prompts with one model, under the options."""

    model: Model
    vocabulary: int
    """Token ids from here on are never chosen."""
    options: CompletionOptions

    def generate_greedy(self, prompts: Prompts) -> tuple[Continuation, ...]:
        """Completes each prompt greedily."""
        sampling = Sampling(max_new_tokens=self.options.completion_tokens)
        return self._complete(prompts, sampling)

    def generate_sampled(self, prompts: Prompts, seed: int) -> tuple[Continuation, ...]:
        """Samples completions at temperature 1, ``options.sampled`` of each prompt.

        Random numbers depend on the seed and the position in the list, so two models with the same
        predictions give the same completions.
        """
        tokens = self.options.completion_tokens
        least = self.options.min_p
        sampling = Sampling(max_new_tokens=tokens, temperature=1.0, min_p=least, seed=seed)
        return self._complete([*prompts] * self.options.sampled, sampling)

    def _complete(self, prompts: Prompts, sampling: Sampling) -> tuple[Continuation, ...]:
        completions: list[Continuation] = []
        size = self.options.batch_size
        for start in range(0, len(prompts), size):
            batch = prompts[start : start + size]
            numbers = range(start, start + len(batch))
            completions += generate_continuations(
                self.model, batch, sampling, vocabulary=self.vocabulary, numbers=numbers
            )
        return tuple(completions)


@dataclass(frozen=True)
class ReferenceCompletion:
    """A completion by the reference, which a prefix has to reproduce."""

    continuation: Continuation
    targets: tuple[int, ...]
    """Tokens whose predictions count: those of the completion, and its end; at least one."""
    top: Int[Tensor, "targets top"]
    """The reference's most likely tokens at each of them, in order."""
    log_top: Float[Tensor, "targets top"]
    """Their log probabilities."""
    log_rest: Float[Tensor, " targets"]
    """Log probability of all other tokens together."""
    log_targets: Float[Tensor, " targets"]
    """Log probabilities of the targets themselves."""


@dataclass(frozen=True)
class ReferenceModel:
    """The reference: a model that completes prompts, and predicts each token of the completions."""

    model: Model
    vocabulary: int
    """Tokens that it has in common with the model that reads the prefix; others are ignored."""
    top: int
    """Number of its most likely tokens whose probabilities are kept."""
    batch_size: int
    """Rows at a time."""

    def complete(
        self, prompts: Sequence[tuple[int, ...]], sampling: Sampling, numbers: Sequence[int]
    ) -> list[ReferenceCompletion]:
        """Completes prompts, and keeps the predictions at each token of the completions.

        Args:
            prompts: token ids.
            sampling: how completions are chosen.
            numbers: seed the random numbers of each prompt, with the seed.
        """
        references: list[ReferenceCompletion] = []
        for start in range(0, len(prompts), self.batch_size):
            batch = slice(start, start + self.batch_size)
            completions = generate_continuations(
                self.model,
                prompts[batch],
                sampling,
                vocabulary=self.vocabulary,
                numbers=numbers[batch],
            )
            references += self._read(prompts[batch], completions)
        return references

    def _read(
        self, prompts: Sequence[tuple[int, ...]], completions: Sequence[Continuation]
    ) -> list[ReferenceCompletion]:
        """Reads each completion again as a whole, since cached single steps round differently."""
        counts = [len(one.ids) + one.finished for one in completions]
        rows = [
            [*prompt, *one.ids][: len(prompt) + count - 1]
            for prompt, one, count in zip(prompts, completions, counts, strict=True)
        ]
        logits = self.model.logits(Inputs.of(rows, side="left"), keep=max(counts))
        return [
            self._reference(one, row[len(row) - count :])
            for one, row, count in zip(completions, logits, counts, strict=True)
        ]

    def _reference(
        self, continuation: Continuation, logits: Float[Tensor, "targets rows"]
    ) -> ReferenceCompletion:
        log_p = common_log_probabilities(logits, self.vocabulary)
        ids = continuation.ids
        if continuation.finished:
            ends = sorted(end for end in self.model.eos_ids if end < self.vocabulary)
            ids = (*ids, ends[int(log_p[-1, ends].argmax())])
        best = log_p.topk(min(self.top, self.vocabulary), dim=-1)
        targets = torch.tensor(ids, device=log_p.device)
        return ReferenceCompletion(
            continuation,
            targets=ids,
            top=best.indices,
            log_top=best.values,
            log_rest=log_rest(best.values),
            log_targets=log_p.gather(1, targets[:, None])[:, 0],
        )


def log_rest(log_top: Float[Tensor, "*batch top"]) -> Float[Tensor, "*batch"]:
    """Log of 1 less the sum of probabilities, at least of 6e-8, the precision of float32."""
    rest = 1 - log_top.exp().sum(dim=-1)
    return rest.clamp(min=torch.finfo(torch.float32).eps / 2).log()


def certain_reference(continuation: Continuation) -> ReferenceCompletion:
    """A reference that gives this completion probability 1; its targets are the tokens."""
    count = len(continuation.ids)
    return ReferenceCompletion(
        continuation,
        targets=continuation.ids,
        top=torch.tensor(continuation.ids)[:, None],
        log_top=torch.zeros(count, 1),
        log_rest=log_rest(torch.zeros(count, 1)),
        log_targets=torch.zeros(count),
    )
