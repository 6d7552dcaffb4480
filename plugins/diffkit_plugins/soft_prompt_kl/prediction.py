"""Both sides' predictions of passages, with or without a soft prompt before them.

Takes passages and a soft prompt. Gives what each side's unembedding reads, or numbers computed from
both sides' log probabilities, at each token that counts.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Inputs, Model, ModelPair
from diffkit.analysis import batches_by_length, common_log_probabilities
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.data import Passage, PromptContext


def prompted_passages(
    side: Model, prompt: Float[Tensor, "length hidden"] | None, passages: Sequence[Passage]
) -> Inputs:
    """The prompt before each passage, padded on the right.

    Both sides read the same vectors of the prompt; tokens go through each side's own table.

    Args:
        side: the side that reads them.
        prompt: the soft prompt; none leaves the passages as they are.
        passages: one batch.
    """
    return _batch(side, prompt, [one.ids for one in passages], "right")


def prompted_contexts(
    side: Model, prompt: Float[Tensor, "length hidden"] | None, contexts: Sequence[PromptContext]
) -> Inputs:
    """The prompt before each context, padded on the left, for completions."""
    return _batch(side, prompt, [one.ids for one in contexts], "left")


def _batch(
    side: Model,
    prompt: Float[Tensor, "length hidden"] | None,
    rows: Sequence[tuple[int, ...]],
    padding: Literal["left", "right"],
) -> Inputs:
    if prompt is None:
        return Inputs.of(rows, side=padding).to(side.device)
    held = (0,) * len(prompt)  # places that the prompt's vectors are written to
    inputs = Inputs.of([held + row for row in rows], side=padding).to(side.device)
    assert inputs.ids is not None  # noqa: S101 - rows of ids always give ids
    embeds = side.embed(inputs.ids).detach()  # recomputed blocks have it require gradients
    own = inputs.mask & (inputs.positions < len(prompt))
    embeds[own] = prompt.detach().to(embeds).repeat(len(rows), 1)
    return inputs.with_embeds(embeds)


Numbers = Callable[
    [
        Float[Tensor, "chunk vocabulary"],
        Float[Tensor, "chunk vocabulary"],
        Int[Tensor, " chunk"],
    ],
    Float[Tensor, "chunk numbers"],
]
"""What is kept of predictions: from the finetuned side's and the base's log probabilities over the
tokens that both have, and the tokens of the passages."""


def compare_predictions(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"] | None,
    passages: Sequence[Passage],
    numbers: Numbers,
) -> list[Float[Tensor, "tokens numbers"]]:
    """Has both sides predict what counts in each passage.

    Args:
        pair: both sides.
        config: how many are read at a time, and how many distributions are held.
        prompt: what both read before each passage; none: nothing.
        passages: what is read.
        numbers: what is kept of the predictions.

    Returns:
        For each passage, the numbers of each token that counts, float32, on the CPU.
    """
    found: dict[int, Float[Tensor, "tokens numbers"]] = {}
    for indices in batches_by_length([len(one.ids) for one in passages], config.micro_batch):
        batch = [passages[index] for index in indices]
        flat = _flat(pair, config.chunk, prompt, batch, numbers)
        counts = [len(one.ids) - one.start for one in batch]
        found.update(zip(indices, torch.split_with_sizes(flat, counts), strict=True))
    return [found[index] for index in range(len(passages))]


def states(
    side: Model, prompt: Float[Tensor, "length hidden"] | None, passages: Sequence[Passage]
) -> list[Float[Tensor, "tokens hidden"]]:
    """What a side's unembedding reads to predict each token that counts, for each passage.

    Args:
        side: the model.
        prompt: what it reads before each passage; none: nothing, and then no passage may count
            from its first token on.
        passages: one batch.
    """
    length = 0 if prompt is None else len(prompt)
    read = side.final_states(prompted_passages(side, prompt, passages))
    return [
        row[length + one.start - 1 : length + len(one.ids) - 1]
        for row, one in zip(read, passages, strict=True)
    ]


def _flat(
    pair: ModelPair,
    chunk: int,
    prompt: Float[Tensor, "length hidden"] | None,
    passages: Sequence[Passage],
    numbers: Numbers,
) -> Float[Tensor, "tokens numbers"]:
    base, finetuned = (
        torch.cat(states(side, prompt, passages)) for side in (pair.base, pair.finetuned)
    )
    targets = torch.tensor([token for one in passages for token in one.ids[one.start :]])
    done = []
    for start in range(0, max(len(targets), 1), chunk):
        part = slice(start, start + chunk)
        log_q = log_probabilities(pair.base, base[part], pair.vocabulary)
        log_p = log_probabilities(pair.finetuned, finetuned[part], pair.vocabulary)
        kept = numbers(log_p.to(log_q.device), log_q, targets[part].long().to(log_q.device))
        done.append(kept.float().cpu())
    return torch.cat(done)


def log_probabilities(
    side: Model, read: Float[Tensor, "chunk hidden"], vocabulary: int
) -> Float[Tensor, "chunk vocabulary"]:
    """Over the first ``vocabulary`` tokens, renormalised, from what a side's unembedding reads."""
    return common_log_probabilities(side.project(read), vocabulary)
