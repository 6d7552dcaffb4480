"""How much likelier each sampled token is to the finetuned side than to the base."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Inputs, ModelPair, RunContext
from diffkit.maths import token_log_probabilities
from diffkit_plugins.perplexity_diff.config import PerplexityDiffConfig
from diffkit_plugins.perplexity_diff.sampling import Sampled


def log_ratios(
    pair: ModelPair, samples: Sequence[Sampled], config: PerplexityDiffConfig, context: RunContext
) -> list[Float[Tensor, " tokens"]]:
    """Log p_finetuned(token) − log p_base(token) of each token of each sample, in nats.

    Both sides read the opening and the sample's own tokens (teacher forcing). Probabilities are
    over the tokens that both have.

    Args:
        pair: both sides.
        samples: what is scored.
        config: the options.
        context: where progress is shown.

    Returns:
        For each sample, float64 on the CPU, one for each of ``ids``.
    """
    order = sorted(range(len(samples)), key=lambda i: len(samples[i].opening.ids + samples[i].ids))
    found: list[Float[Tensor, " tokens"]] = [torch.zeros(0, dtype=torch.float64)] * len(samples)
    starts = range(0, len(order), config.batch_size)
    for start in context.progress(starts, label="scores", total=len(starts)):
        numbers = order[start : start + config.batch_size]
        batch = [samples[number] for number in numbers]
        for number, ratios in zip(numbers, _batch(pair, batch, config.chunk), strict=True):
            found[number] = ratios
    return found


def _batch(
    pair: ModelPair, samples: Sequence[Sampled], chunk: int
) -> list[Float[Tensor, " tokens"]]:
    """Padded on the left, so that the samples' own tokens are the last of each row."""
    inputs = Inputs.of([sample.opening.ids + sample.ids for sample in samples], side="left")
    assert inputs.ids is not None  # noqa: S101 - rows always give ids
    longest = max(len(sample.ids) for sample in samples)
    ids = inputs.ids[:, inputs.ids.shape[1] - longest :]
    base, finetuned = (
        token_log_probabilities(
            side.logits(inputs, keep=longest + 1)[:, :-1], ids, pair.vocabulary, chunk
        ).cpu()
        for side in (pair.base, pair.finetuned)
    )
    ratios = (finetuned - base).double()
    return [row[longest - len(s.ids) :] for row, s in zip(ratios, samples, strict=True)]
