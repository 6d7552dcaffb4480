"""Texts generated from amplified logits, with their log-likelihood ratios.

Takes both models and the texts whose openings are continued. Gives the generated texts of every
opening, sample and α.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Inputs, ModelPair, PromptStart, RunContext, Sampling, UserError, prompt_starts
from diffkit.analysis import batches_by_length
from diffkit_plugins.contrastive_decoding.config import ContrastiveDecodingConfig


@dataclass(frozen=True)
class AmplifiedLogits:
    """base + α (finetuned − base) logits of plausible tokens, with an α for each row.

    A token is plausible if the expert gives it at least β times the probability of the expert's
    likeliest token (Li and others, *Contrastive Decoding*, arXiv 2210.15097). For α ≥ 1 the expert
    is the finetuned side: with the larger probability of both sides, what finetuning taught a model
    not to say would count as plausible. For α < 1 the expert is the mixture itself, so that the
    base's own texts are limited by the base and the comparison is fair.
    """

    alphas: Float[Tensor, " rows"]
    beta: float

    def __call__(
        self,
        base: Float[Tensor, "live vocabulary"],
        finetuned: Float[Tensor, "live vocabulary"],
        rows: Int[Tensor, " live"],
    ) -> Float[Tensor, "live vocabulary"]:
        """The logits of the rows with the indices ``rows``; −∞ where a token is implausible.

        With β = 0 they are exactly the base's at α = 0 and exactly the finetuned side's at α = 1,
        except that a token to which either side gives −∞ is never drawn.
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
    """One text to generate."""

    opening: PromptStart
    alpha: float
    number: int
    """The number of its draws; texts of the same opening and sample share it at every α."""


@dataclass(frozen=True)
class GeneratedText:
    """A generated text and its log-likelihood ratio."""

    request: GenerationRequest
    ids: tuple[int, ...]
    text: str
    log_ratio: float
    """Log-likelihood ratio finetuned − base of the text after its opening, nats per token; 0 if it
    has no tokens."""

    @property
    def repetition(self) -> float:
        """Share of its pairs of neighbouring tokens that repeat an earlier pair (seq-rep-2).

        Welleck and others, *Neural Text Generation with Unlikelihood Training*, arXiv 1908.04319.
        """
        pairs = list(zip(self.ids, self.ids[1:], strict=False))
        return 1 - len(set(pairs)) / len(pairs) if pairs else 0.0


def generate_texts(
    pair: ModelPair, config: ContrastiveDecodingConfig, context: RunContext
) -> tuple[GeneratedText, ...]:
    """Texts of each opening at every α and at 0, in the order of the openings.

    Args:
        pair: both sides.
        config: the options.
        context: the seed, the texts that openings are taken from, and the progress display.

    Raises:
        UserError: there is no opening.
    """
    requests = _requests(pair, config, context)
    if not requests:
        hint = "Give texts, and let documents or turns be 1 or more."
        raise UserError("There is nothing to write from: no opening was found.", hint=hint)
    batches = batches_by_length([len(one.opening.ids) for one in requests], config.batch_size)
    done: dict[int, GeneratedText] = {}
    for indices in context.progress(batches, label="texts", total=len(batches)):
        batch = _batch(pair, [requests[index] for index in indices], config, context.seed)
        done.update(zip(indices, batch, strict=True))
    return tuple(done[index] for index in range(len(requests)))


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
        GenerationRequest(opening, alpha, index * config.samples + sample)
        for index, opening in enumerate(starts)
        for sample in range(config.samples)
        for alpha in dict.fromkeys((0.0, *config.alphas))
    ]


def _batch(
    pair: ModelPair,
    requests: Sequence[GenerationRequest],
    config: ContrastiveDecodingConfig,
    seed: int,
) -> list[GeneratedText]:
    rows = pair.generate_mixed(
        Inputs.of([request.opening.ids for request in requests], side="left"),
        AmplifiedLogits(torch.tensor([request.alpha for request in requests]), config.beta),
        Sampling(max_new_tokens=config.max_new_tokens, temperature=config.temperature, seed=seed),
        row_seeds=[request.number for request in requests],
    )
    decode = pair.base.tokenizer.decode
    return [
        GeneratedText(
            request,
            row.ids,
            decode(row.ids, skip_special_tokens=True).strip(),
            float(row.log_ratios.double().sum()) / max(len(row.ids), 1),
        )
        for request, row in zip(requests, rows, strict=True)
    ]
