"""The logit lens and the Jacobian lens of a mean shift.

Takes a mean shift or a direction. Gives a score for each token of the vocabulary, and
tables of the tokens that pass a test against noise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffkit import Inputs, Model, ModelPair, RunContext, TokenScore, TokenTable
from diffkit.maths import jackknife
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.mean_shift import Direction, MeanShift

FAMILY_WISE_ERROR = 0.05
"""Chance that noise lets any token of a table pass, at most."""


@cache
def significance_bound(tokens: int, groups: int) -> float:
    """How many standard errors the promotion of a token must exceed to pass.

    Bonferroni over all tokens of the vocabulary, whatever their dependence, of one-sided tests by
    Student's t; a jackknife over few groups does not know its own error well, so that its quantiles
    are far out.

    Args:
        tokens: size of the vocabulary.
        groups: of the jackknife, 2 or more.
    """
    from scipy.stats import t

    return float(t.isf(FAMILY_WISE_ERROR / tokens, groups - 1))


@dataclass(frozen=True)
class LensScores:
    """How much the mean difference promotes each token."""

    values: Float[Tensor, " vocabulary"]
    """Logits less their mean over the vocabulary, float64."""
    errors: Float[Tensor, " vocabulary"] | None
    """Their standard errors; none where all texts are in one fold."""
    groups: int
    """Folds that the errors come from."""

    @property
    def bound(self) -> float | None:
        """How many standard errors a token must be promoted by to pass for more than noise."""
        return None if self.errors is None else significance_bound(len(self.values), self.groups)

    @property
    def passing(self) -> Bool[Tensor, " vocabulary"]:
        """Tokens promoted by more than that; without errors nothing is known, and none."""
        if self.errors is None or self.bound is None:
            return torch.zeros_like(self.values, dtype=torch.bool)
        return self.values > self.bound * self.errors


def logit_lens(
    side: Model, vectors: Float[Tensor, "*batch hidden"], vocabulary: int
) -> Float[Tensor, "*batch vocabulary"]:
    """Final norm and unembedding; logits less their mean over the vocabulary, float64.

    Only differences of logits mean anything, so their common level is taken out.

    Args:
        side: whose norm and unembedding it is.
        vectors: residual streams.
        vocabulary: tokens that count, from the first.
    """
    logits = side.unembed(vectors.float())[..., :vocabulary].double().cpu()
    return logits - logits.mean(dim=-1, keepdim=True)


def lens_scores(pair: ModelPair, shift: MeanShift) -> LensScores:
    """The lens of the mean difference, with the finetuned side's norm and unembedding.

    The difference is first brought to the base's typical norm. The final norm would do it anyway,
    but its epsilon would damp a small difference, and a bias in it would drown one.

    Args:
        pair: both sides.
        shift: the difference; not zero.
    """

    def read(vectors: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch vocabulary"]:
        length = vectors.norm(dim=-1, keepdim=True).clamp(min=1e-300)
        return logit_lens(pair.finetuned, vectors * (shift.base_norm / length), pair.vocabulary)

    values, *without = read(torch.cat([shift.mean[None], shift.without]))
    if not without:
        return LensScores(values, None, 0)
    errors = jackknife(values, torch.stack(without), shift.sizes)
    return LensScores(values, errors, len(shift.sizes))


@dataclass(frozen=True)
class LensResult:
    """What the lens says of one mean difference."""

    shift: MeanShift
    scores: LensScores

    @property
    def passing(self) -> int:
        """How many tokens are promoted by more than noise."""
        return int(self.scores.passing.sum())

    def table(self, pair: ModelPair, count: int) -> TokenTable:
        """The tokens that pass, most promoted first; all are candidates where no error is known.

        Args:
            pair: both sides.
            count: rows at most.
        """
        values, errors = self.scores.values, self.scores.errors
        known = values if errors is None else values.masked_fill(~self.scores.passing, -1)
        best = known.sort(descending=True, stable=True).indices[:count]
        spreads = [None] * len(best) if errors is None else errors[best].tolist()
        scored = zip(best.tolist(), known[best].tolist(), spreads, strict=True)
        rows = [
            TokenScore(token=pair.base.tokenizer.decode([token]), score=score, spread=spread)
            for token, score, spread in scored
            if score > 0
        ]
        unit = "logits above the vocabulary's mean"
        return TokenTable(title=self._title, unit=unit, rows=tuple(rows))

    @property
    def _title(self) -> str:
        bound, tokens = self.scores.bound, len(self.scores.values)
        where = f"layer {self.shift.layer}, slot {self.shift.name}"
        known = "standard errors unknown"
        if bound is not None:
            known = f"{self.passing} of {tokens} pass {bound:.1f} standard errors"
        return f"Tokens that the mean difference promotes, {where} ({known})"


def lens_results(pair: ModelPair, shifts: Iterable[MeanShift]) -> Sequence[LensResult]:
    """The lens of every difference that is not zero, most telling first.

    Deep layers come first, since the lens is made for the last. Within a layer those come first
    that stand furthest above chance; what is the same in every text, where there is no chance,
    rests on one text's evidence and comes last.
    """
    found = [LensResult(shift, lens_scores(pair, shift)) for shift in shifts if shift.relative]
    return sorted(found, key=lambda each: (-each.shift.layer, -(each.shift.signal or 0)))


def token_tables(pair: ModelPair, found: Iterable[LensResult], count: int) -> Iterable[TokenTable]:
    """The tables that have a row, in the same order."""
    tables = (promotion.table(pair, count) for promotion in found)
    return [table for table in tables if table.rows]


def jacobian_product(
    pair: ModelPair, direction: Direction, config: ActivationLensConfig, context: RunContext
) -> Float[Tensor, " hidden"]:
    """J u with J = E[Σ_s ∂h_last(t) / ∂h(s)], u the direction, by central differences.

    The expectation is over the texts' tokens t, the sum over the tokens s up to each: the step is
    taken at all of them, as a bias would be. Two passes do it, whatever the width.

    Args:
        pair: the finetuned side's Jacobian is taken.
        direction: the direction, and the block after which it is added.
        config: how many texts, and how long.
        context: the texts.

    Returns:
        The mean step of the last block's stream for a step of norm 1, float64.
    """
    step = torch.finfo(pair.finetuned.dtype).eps ** (1 / 3)  # bending and rounding err alike
    texts = context.texts.first(config.jacobian_texts)
    total, tokens = torch.zeros(pair.finetuned.d_model, dtype=torch.float64), 0
    for numbers in texts.batches(config.batch_size):
        batch = [texts.items[number] for number in numbers]
        inputs = pair.base.inputs(batch, max_tokens=config.max_tokens)
        there, back = (
            _summed_last_stream(pair.finetuned, inputs, direction, sign * step) for sign in (1, -1)
        )
        total += there - back
        tokens += int(inputs.mask.sum())
    mean: Tensor = total / (2 * step * direction.norm * max(tokens, 1))
    return mean


def _summed_last_stream(
    side: Model, inputs: Inputs, direction: Direction, step: float
) -> Float[Tensor, " hidden"]:
    """The last block's stream after a step, summed over all tokens, float64."""
    added = direction.vector(step, side)
    with side.edit(direction.layer, lambda stream: stream + added):
        stream = side.resid(inputs, [side.layers - 1])[0]
    return stream[inputs.mask.to(stream.device)].sum(dim=0, dtype=torch.float64).cpu()


def jacobian_lens(
    pair: ModelPair, direction: Direction, config: ActivationLensConfig, context: RunContext
) -> Float[Tensor, " vocabulary"]:
    """Logits of J u, brought to the stream's typical norm, less the vocabulary's mean."""
    step = jacobian_product(pair, direction, config, context)
    length = step.norm().clamp(min=1e-300)
    return logit_lens(pair.finetuned, step * (direction.norm / length), pair.vocabulary)
