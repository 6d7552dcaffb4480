"""One pass over all texts; what it keeps does not grow with their number."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit import ModelPair, RunContext, Text
from diffkit.maths.divergences import Divergences, token_contributions, token_divergences
from diffkit_plugins.kl.config import KLConfig
from diffkit_plugins.kl.peaks import Peaks
from diffkit_plugins.kl.spread import Spread


@dataclass
class Scan:
    """What is known so far; p is the finetuned side and q the base throughout."""

    peaks: Peaks
    towards_finetuned: Float[Tensor, " vocabulary"]
    """p·log(p/q) of each token, summed over predictions, in nats."""
    towards_base: Float[Tensor, " vocabulary"]
    """q·log(q/p) of each token, summed over predictions, in nats."""
    kl_pq: Spread = field(default_factory=Spread)
    kl_qp: Spread = field(default_factory=Spread)
    jsd: Spread = field(default_factory=Spread)
    agreements: int = 0
    """Predictions in which both sides have the same likeliest token."""

    @property
    def tokens(self) -> int:
        """Number of tokens whose prediction was compared."""
        return self.jsd.moments.count

    def add(self, divergences: Divergences, mask: Bool[Tensor, "batch seq"]) -> None:
        """Takes in the divergences of a batch where ``mask`` is true."""
        self.kl_pq = self.kl_pq.add(divergences.kl_pq[mask])
        self.kl_qp = self.kl_qp.add(divergences.kl_qp[mask])
        self.jsd = self.jsd.add(divergences.jsd[mask])


def scan(pair: ModelPair, config: KLConfig, context: RunContext) -> Scan:
    """Reads the texts with both sides on the same token ids and compares all predictions.

    Args:
        pair: both sides.
        config: the options.
        context: the texts, and where progress is shown.
    """
    texts = context.texts.first(config.texts)
    shape = (pair.vocabulary,)
    found = Scan(
        Peaks(max(config.traces, config.samples)),
        torch.zeros(shape, dtype=torch.float64, device=pair.base.device),
        torch.zeros(shape, dtype=torch.float64, device=pair.base.device),
    )
    batches = texts.batches(config.batch_size)
    for numbers in context.progress(batches, label="texts", total=len(batches)):
        _read(pair, [texts.items[number] for number in numbers], numbers, config, found)
    return found


def _read(
    pair: ModelPair, texts: Sequence[Text], numbers: Sequence[int], config: KLConfig, found: Scan
) -> None:
    inputs = pair.base.inputs(texts, max_tokens=config.max_tokens)
    mask = inputs.mask[:, 1:].to(pair.base.device)  # a text's first token is not predicted
    if not mask.any():
        return
    q, p = (side.logits(inputs, keep=slice(0, -1)) for side in (pair.base, pair.finetuned))
    size, chunk = pair.vocabulary, config.chunk
    divergences = token_divergences(p, q, size, chunk)
    found.add(divergences, mask)
    found.towards_finetuned += token_contributions(p, q, mask, size, chunk)
    found.towards_base += token_contributions(q, p, mask, size, chunk)
    same = p[..., :size].argmax(dim=-1) == q[..., :size].argmax(dim=-1)
    found.agreements += int((same & mask).sum())
    _add_peaks(divergences.kl_pq.masked_fill(~mask, -1.0), numbers, found.peaks)


def _add_peaks(scores: Float[Tensor, "batch seq"], numbers: Sequence[int], peaks: Peaks) -> None:
    best: Float[Tensor, " batch"]
    places: Int[Tensor, " batch"]
    best, places = scores.max(dim=1)
    for number, score, place in zip(numbers, best.tolist(), places.tolist(), strict=True):
        if score >= 0:
            peaks.add(score=score, text=number, position=place + 1)
