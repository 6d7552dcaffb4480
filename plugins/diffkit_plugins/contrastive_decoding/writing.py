"""Texts of every opening, α and sample, written in batches and scored by both sides."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from diffkit import Inputs, ModelPair, Opening, RunContext, Sampling, UserError, openings
from diffkit.maths import token_log_probabilities
from diffkit_plugins.contrastive_decoding.config import ContrastiveDecodingConfig
from diffkit_plugins.contrastive_decoding.mixing import Amplified


@dataclass(frozen=True)
class Plan:
    """One text to write."""

    opening: Opening
    alpha: float
    number: int
    """What its draws come from: texts of one opening and sample have the same at every α."""


@dataclass(frozen=True)
class Written:
    """One text."""

    plan: Plan
    ids: tuple[int, ...]
    text: str
    tilt: float
    """Log-likelihood ratio finetuned − base of the text after its opening, nats per token; 0
    where there are no tokens."""

    @property
    def repetition(self) -> float:
        """Share of its pairs of neighbouring tokens that it has said before (seq-rep-2).

        Welleck and others, *Neural Text Generation with Unlikelihood Training*, arXiv 1908.04319.
        """
        pairs = list(zip(self.ids, self.ids[1:], strict=False))
        return 1 - len(set(pairs)) / len(pairs) if pairs else 0.0


def write(
    pair: ModelPair, config: ContrastiveDecodingConfig, context: RunContext
) -> tuple[Written, ...]:
    """Texts at every α, and at 0, opening by opening.

    Args:
        pair: both sides.
        config: the options.
        context: the seed, the texts that openings are taken from, and where progress is shown.

    Raises:
        UserError: there is no opening.
    """
    plans = _plans(pair, config, context)
    if not plans:
        cure = "Give texts, and let documents or turns be 1 or more."
        raise UserError("There is nothing to write from: no opening was found.", cure=cure)
    order = sorted(range(len(plans)), key=lambda place: len(plans[place].opening.ids))
    size = config.batch_size  # of about one length each, so that little is padded
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    done: dict[int, Written] = {}
    for places in context.progress(batches, label="texts", total=len(batches)):
        batch = _batch(pair, [plans[place] for place in places], config, context.seed)
        done.update(zip(places, batch, strict=True))
    return tuple(done[place] for place in range(len(plans)))


def _plans(pair: ModelPair, config: ContrastiveDecodingConfig, context: RunContext) -> list[Plan]:
    starts = openings(
        pair.base.tokenizer,
        context.texts,
        turns=config.turns,
        documents=config.documents,
        tokens=config.opening_tokens,
    )
    return [
        Plan(opening, alpha, place * config.samples + sample)
        for place, opening in enumerate(starts)
        for sample in range(config.samples)
        for alpha in dict.fromkeys((0.0, *config.alphas))
    ]


def _batch(
    pair: ModelPair, plans: Sequence[Plan], config: ContrastiveDecodingConfig, seed: int
) -> list[Written]:
    rows = pair.generate_mixed(
        Inputs.of([plan.opening.ids for plan in plans], side="left"),
        Amplified(torch.tensor([plan.alpha for plan in plans]), config.beta),
        Sampling(max_new_tokens=config.max_new_tokens, temperature=config.temperature, seed=seed),
        numbers=[plan.number for plan in plans],
    )
    written = [row.ids for row in rows]
    decode = pair.base.tokenizer.decode
    return [
        Written(plan, ids, decode(ids, skip_special_tokens=True).strip(), tilt)
        for plan, ids, tilt in zip(
            plans, written, _tilts(pair, plans, written, config), strict=True
        )
    ]


def _tilts(
    pair: ModelPair,
    plans: Sequence[Plan],
    written: Sequence[tuple[int, ...]],
    config: ContrastiveDecodingConfig,
) -> list[float]:
    """The texts' log-likelihood ratios per token, both sides reading opening and text."""
    counts = torch.tensor([len(ids) for ids in written])
    longest = int(counts.max())
    if longest == 0:
        return [0.0] * len(written)
    whole = [(*plan.opening.ids, *ids) for plan, ids in zip(plans, written, strict=True)]
    inputs = Inputs.of(whole, side="left")
    assert inputs.ids is not None  # noqa: S101 - rows of ids always give ids
    ids = inputs.ids[:, -longest:]
    base, finetuned = (
        token_log_probabilities(
            side.logits(inputs, keep=slice(-longest - 1, -1)), ids, pair.vocabulary, config.chunk
        ).cpu()
        for side in (pair.base, pair.finetuned)
    )
    own = torch.arange(longest) >= longest - counts[:, None]
    total = torch.where(own, finetuned - base, 0.0).sum(dim=1, dtype=torch.float64)
    tilts: list[float] = (total / counts.clamp(min=1)).tolist()
    return tilts
