"""What the base says without the prompt, which a prompt is held to leave as it was.

Without it, near every optimum is degenerate: a prompt under which both sides stammer parts them
most, whatever finetuning did. What parts them while the base goes on as ever is what was added.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffkit import ModelPair
from diffkit.maths import DIVERGENCES
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.passages import Passage
from diffkit_plugins.soft_prompt_kl.reading import log_probabilities, states


@dataclass(frozen=True)
class Rest:
    """The base's predictions of what counts in some passages, no prompt before them."""

    pair: ModelPair
    states: Float[Tensor, "counted hidden"]
    """What its unembedding reads."""
    known: Bool[Tensor, " counted"]
    """False at a text's first token, which nothing predicts where there is no prompt."""

    def moved(
        self, log_q: Float[Tensor, "chunk vocabulary"], places: slice
    ) -> Float[Tensor, " chunk"]:
        """KL(base under the prompt ‖ base without it), in nats; 0 where nothing is known.

        Args:
            log_q: the base's log probabilities under the prompt.
            places: which of the predictions these are.
        """
        rest = log_probabilities(self.pair.base, self.states[places], self.pair.vocabulary)
        known = self.known[places].to(log_q.device)
        rest = torch.where(known[:, None], rest.to(log_q.device), log_q.detach())
        return DIVERGENCES["kl"](log_q, rest)


def at_rest(pair: ModelPair, passages: Sequence[Passage]) -> Rest:
    """Has the base read passages without a prompt, in one batch."""
    started = [replace(one, start=max(one.start, 1)) for one in passages]
    read, known = [], []
    for one, row in zip(passages, states(pair.base, None, started), strict=True):
        first = 0 if one.start else min(1, len(one.ids))
        read.append(torch.cat([row.new_zeros(first, row.shape[1]), row]))
        known += [False] * first + [True] * len(row)
    return Rest(pair, torch.cat(read), torch.tensor(known, dtype=torch.bool))


@torch.no_grad()
def moved(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"],
    passages: Sequence[Passage],
) -> float:
    """Mean KL of the base under the prompt from the base without it, in nats per token."""
    total, count = 0.0, 0
    for start in range(0, len(passages), config.micro_batch):
        batch = passages[start : start + config.micro_batch]
        rest, read = at_rest(pair, batch), torch.cat(states(pair.base, prompt, batch))
        for first in range(0, len(read), config.chunk):
            places = slice(first, first + config.chunk)
            log_q = log_probabilities(pair.base, read[places], pair.vocabulary)
            total += float(rest.moved(log_q, places).double().sum())
        count += len(read)
    return total / max(count, 1)
