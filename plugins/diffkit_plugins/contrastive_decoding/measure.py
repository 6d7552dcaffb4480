"""Texts generated from amplified logits, with their log-likelihood ratios.

Takes both models and the texts whose openings are continued. Gives the generated texts of every
opening, sample and α, and which words and groups of texts have the largest log ratios.
"""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Inputs, ModelPair, PromptStart, RunContext, Sampling, UserError, prompt_starts
from diffkit.maths import token_log_probabilities
from diffkit_plugins.contrastive_decoding.config import ContrastiveDecodingConfig


@dataclass(frozen=True)
class AmplifiedLogits:
    """base + α (finetuned − base) logits, among plausible tokens, with an α for each row.

    A token is plausible if the expert gives it at least β times the probability of its likeliest
    (Li and others, *Contrastive Decoding*, arXiv 2210.15097). The expert is the finetuned side from
    α = 1 on: with the larger of both, what finetuning taught a model not to say would count as
    plausible. Below, it is the mix itself, so that the base's own texts are under the base's own
    limit and compare fairly.
    """

    alphas: Float[Tensor, " rows"]
    beta: float

    def __call__(
        self,
        base: Float[Tensor, "live vocabulary"],
        finetuned: Float[Tensor, "live vocabulary"],
        rows: Int[Tensor, " live"],
    ) -> Float[Tensor, "live vocabulary"]:
        """The logits of the rows in places ``rows``; −∞ where a token is implausible.

        With β = 0 they are exactly the base's at α = 0 and exactly the finetuned side's at 1, but
        that a token to which either side gives −∞ is never drawn.
        """
        base, finetuned = base.float(), finetuned.float()
        never = base.isneginf() | finetuned.isneginf()  # where differences are not numbers
        alphas = self.alphas.to(base.device)[rows][:, None]
        expert = torch.lerp(base, finetuned, alphas.clamp(0, 1)).masked_fill(never, -math.inf)
        limit = expert.amax(dim=-1, keepdim=True) + (
            math.log(self.beta) if self.beta else -math.inf
        )
        mixed = torch.lerp(base, finetuned, alphas)
        return mixed.masked_fill(never | (expert < limit), -math.inf)


@dataclass(frozen=True)
class GenerationRequest:
    """One text to write."""

    opening: PromptStart
    alpha: float
    number: int
    """What its draws come from: texts of one opening and sample have the same at every α."""


@dataclass(frozen=True)
class GeneratedText:
    """One text."""

    plan: GenerationRequest
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


def generate_texts(
    pair: ModelPair, config: ContrastiveDecodingConfig, context: RunContext
) -> tuple[GeneratedText, ...]:
    """Texts at every α, and at 0, opening by opening.

    Args:
        pair: both sides.
        config: the options.
        context: the seed, the texts that openings are taken from, and where progress is shown.

    Raises:
        UserError: there is no opening.
    """
    plans = _requests(pair, config, context)
    if not plans:
        hint = "Give texts, and let documents or turns be 1 or more."
        raise UserError("There is nothing to write from: no opening was found.", hint=hint)
    order = sorted(range(len(plans)), key=lambda place: len(plans[place].opening.ids))
    size = config.batch_size  # of about one length each, so that little is padded
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    done: dict[int, GeneratedText] = {}
    for places in context.progress(batches, label="texts", total=len(batches)):
        batch = _batch(pair, [plans[place] for place in places], config, context.seed)
        done.update(zip(places, batch, strict=True))
    return tuple(done[place] for place in range(len(plans)))


def _requests(
    pair: ModelPair, config: ContrastiveDecodingConfig, context: RunContext
) -> list[GenerationRequest]:
    starts = prompt_starts(
        pair.base.tokenizer,
        context.texts,
        turns=config.turns,
        documents=config.documents,
        tokens=config.opening_tokens,
    )
    return [
        GenerationRequest(opening, alpha, place * config.samples + sample)
        for place, opening in enumerate(starts)
        for sample in range(config.samples)
        for alpha in dict.fromkeys((0.0, *config.alphas))
    ]


def _batch(
    pair: ModelPair,
    plans: Sequence[GenerationRequest],
    config: ContrastiveDecodingConfig,
    seed: int,
) -> list[GeneratedText]:
    rows = pair.generate_mixed(
        Inputs.of([plan.opening.ids for plan in plans], side="left"),
        AmplifiedLogits(torch.tensor([plan.alpha for plan in plans]), config.beta),
        Sampling(max_new_tokens=config.max_new_tokens, temperature=config.temperature, seed=seed),
        row_seeds=[plan.number for plan in plans],
    )
    written = [row.ids for row in rows]
    decode = pair.base.tokenizer.decode
    return [
        GeneratedText(plan, ids, decode(ids, skip_special_tokens=True).strip(), tilt)
        for plan, ids, tilt in zip(
            plans, written, _log_ratios(pair, plans, written, config), strict=True
        )
    ]


def _log_ratios(
    pair: ModelPair,
    plans: Sequence[GenerationRequest],
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


_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True)
class ExcessRatio:
    """How much more tilted some of the texts are than texts are on average."""

    total: float
    """Sum over them of the tilt less the mean tilt of all, nats per token."""
    chance: float
    """Standard deviation of the same sum over as many texts drawn at random, without replacement;
    0 where it could not come out otherwise."""
    openings: int
    """How many openings they come from."""

    @property
    def standardised(self) -> float:
        """The total in standard deviations of chance; it has no unit."""
        return self.total / self.chance if self.chance > 0 else 0.0


@dataclass(frozen=True)
class WordExcess:
    """A word, casefolded, and the excess tilt of the texts that say it."""

    word: str
    excess: ExcessRatio


def excess_ratio(members: Collection[int], texts: Sequence[GeneratedText]) -> ExcessRatio:
    """The excess tilt of the texts in places ``members``, which are distinct."""
    tilts = np.array([text.tilt for text in texts])
    openings = len({texts[place].plan.opening.ids for place in members})
    size, count = len(texts), len(members)
    if count == size:
        return ExcessRatio(0.0, 0.0, openings)
    total = float((tilts[list(members)] - tilts.mean()).sum())
    variance = count * float(tilts.var()) * (size - count) / (size - 1)
    return ExcessRatio(total, math.sqrt(variance), openings)


def words_by_excess(texts: Sequence[GeneratedText]) -> tuple[WordExcess, ...]:
    """All words of the texts, those with the largest total first.

    What is said everywhere has no excess, whatever it is, so ordinary words drop out.
    """
    places: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        for word in dict.fromkeys(_WORD.findall(text.text.casefold())):
            places.setdefault(word, []).append(place)
    found = (WordExcess(word, excess_ratio(where, texts)) for word, where in places.items())
    return tuple(sorted(found, key=lambda word: (-word.excess.total, word.word)))


def concentration(found: Sequence[WordExcess], min_openings: int) -> float:
    """The largest standardised excess of a word that comes up in several openings; 0 if none does.

    Args:
        found: all words.
        min_openings: in how many openings at least.
    """
    scores = (w.excess.standardised for w in found if w.excess.openings >= min_openings)
    return max((0.0, *scores))
