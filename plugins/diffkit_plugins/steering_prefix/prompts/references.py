"""Completions of prompts, and a reference's predictions of them.

Takes token ids of prompts. Gives completions, and, of a reference, the log probabilities at each
of their tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Inputs, Model, Sampling
from diffkit_plugins.steering_prefix.config import CompletionOptions


@dataclass(frozen=True)
class Continuation:
    """How a model went on from a prompt."""

    ids: tuple[int, ...]
    """Without the token that ends it."""
    finished: bool
    """Whether the model ended it."""
    text: str
    """The ids decoded, without special tokens."""


def generate_continuations(
    model: Model,
    prompts: Sequence[tuple[int, ...]],
    sampling: Sampling,
    *,
    vocabulary: int,
    numbers: Sequence[int] | None = None,
) -> list[Continuation]:
    """Goes on from one batch of prompts, and keeps the token ids.

    Args:
        model: one side.
        prompts: token ids.
        sampling: how tokens are chosen.
        vocabulary: ids from here on are never chosen.
        numbers: what the draws of each prompt come from besides the seed; none takes its place.
    """
    rows = model.generate_ids(
        Inputs.of(prompts, side="left"), sampling, vocabulary=vocabulary, numbers=numbers
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
    """A model, and how long it speaks."""

    model: Model
    vocabulary: int
    """Tokens from here on are never said."""
    options: CompletionOptions

    def likeliest(self, prompts: Prompts) -> tuple[Continuation, ...]:
        """The likeliest completion of each prompt, given as token ids."""
        sampling = Sampling(max_new_tokens=self.options.completion_tokens)
        return self._complete(prompts, sampling)

    def drawn(self, prompts: Prompts, seed: int) -> tuple[Continuation, ...]:
        """Completions drawn at temperature 1, ``options.sampled`` of each prompt.

        The draws depend on the seed and the place in the list, so two models that expect the same
        say the same.
        """
        tokens = self.options.completion_tokens
        sampling = Sampling(max_new_tokens=tokens, temperature=1.0, seed=seed)
        return self._complete([*prompts] * self.options.sampled, sampling)

    def _complete(self, prompts: Prompts, sampling: Sampling) -> tuple[Continuation, ...]:
        done: list[Continuation] = []
        size = self.options.batch_size
        for start in range(0, len(prompts), size):
            batch = prompts[start : start + size]
            numbers = range(start, start + len(batch))
            done += generate_continuations(
                self.model, batch, sampling, vocabulary=self.vocabulary, numbers=numbers
            )
        return tuple(done)


@dataclass(frozen=True)
class ReferenceCompletion:
    """A completion of the reference, which a prefix is to give."""

    continuation: Continuation
    targets: tuple[int, ...]
    """Tokens whose predictions count: the completion's, and the one that ends it; at least one."""
    top: Int[Tensor, "targets top"]
    """The reference's likeliest tokens at each of them, likeliest first."""
    log_top: Float[Tensor, "targets top"]
    """Their log probabilities."""
    log_rest: Float[Tensor, " targets"]
    """Log probability of all other tokens together."""
    log_targets: Float[Tensor, " targets"]
    """Log probabilities of the targets themselves."""


@dataclass(frozen=True)
class ReferenceModel:
    """A model whose completions and predictions are references."""

    model: Model
    vocabulary: int
    """How many tokens it shares with the model that is to read the prefix; there are no others."""
    top: int
    """How many of its likeliest tokens are kept apart."""
    batch_size: int
    """Rows at a time."""

    def references(
        self, prompts: Sequence[tuple[int, ...]], sampling: Sampling, numbers: Sequence[int]
    ) -> list[ReferenceCompletion]:
        """Completes prompts, and keeps what is predicted at each token of the completions.

        Args:
            prompts: token ids.
            sampling: how completions are chosen.
            numbers: what the draws of each prompt come from besides the seed.
        """
        found: list[ReferenceCompletion] = []
        for start in range(0, len(prompts), self.batch_size):
            batch = slice(start, start + self.batch_size)
            done = generate_continuations(
                self.model,
                prompts[batch],
                sampling,
                vocabulary=self.vocabulary,
                numbers=numbers[batch],
            )
            found += self._read(prompts[batch], done)
        return found

    def _read(
        self, prompts: Sequence[tuple[int, ...]], done: Sequence[Continuation]
    ) -> list[ReferenceCompletion]:
        """Reads each completion once more, whole: a cache of single steps rounds otherwise."""
        wanted = [len(one.ids) + one.finished for one in done]
        rows = [
            [*prompt, *one.ids][: len(prompt) + count - 1]
            for prompt, one, count in zip(prompts, done, wanted, strict=True)
        ]
        logits = self.model.logits(Inputs.of(rows, side="left"), keep=max(wanted))
        return [
            self._reference(one, places[len(places) - count :])
            for one, places, count in zip(done, logits, wanted, strict=True)
        ]

    def _reference(
        self, continuation: Continuation, logits: Float[Tensor, "targets rows"]
    ) -> ReferenceCompletion:
        log_p = logits[:, : self.vocabulary].float().log_softmax(dim=-1)
        ids = continuation.ids
        if continuation.finished:
            ends = sorted(end for end in self.model.ends if end < self.vocabulary)
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
    """Log of what probabilities leave of 1, at least 6e-8: float32 knows no less."""
    left = 1 - log_top.exp().sum(dim=-1)
    return left.clamp(min=torch.finfo(torch.float32).eps / 2).log()


def certain_reference(continuation: Continuation) -> ReferenceCompletion:
    """A reference to which what is said is the one thing possible; its targets are the tokens."""
    count = len(continuation.ids)
    return ReferenceCompletion(
        continuation,
        targets=continuation.ids,
        top=torch.tensor(continuation.ids)[:, None],
        log_top=torch.zeros(count, 1),
        log_rest=log_rest(torch.zeros(count, 1)),
        log_targets=torch.zeros(count),
    )
