"""How much each token of a completion counts."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit_plugins.steering_prefix.search_options import CompletionOptions


def token_weights(
    lengths: Sequence[int], options: CompletionOptions
) -> Float[Tensor, "completions tokens"]:
    """Weights of the tokens of completions, which add up to 1 for each completion.

    The first ``early_tokens`` weigh ``early_weight`` times the others, as in the notebook (EARLY_K,
    EARLY_WEIGHT); with a ``half_life``, the i-th from 0 weighs 2^(-i / half_life) instead. The
    notebook divides by the sum over all completions, so that long ones count more; here each counts
    alike, so that losses of suffixes compare.

    Args:
        lengths: tokens of each completion.
        options: which weights.

    Returns:
        Completions end in the last column; what is left of them weighs 0.
    """
    longest = max(lengths, default=0)
    weights = torch.zeros(len(lengths), longest)
    places = torch.arange(longest, dtype=torch.float32)
    if options.half_life is None:
        each = torch.where(places < options.early_tokens, options.early_weight, 1.0)
    else:
        each = torch.exp2(-places / options.half_life)
    for row, length in zip(weights, lengths, strict=True):
        row[longest - length :] = each[:length] / each[:length].sum()
    return weights
