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

from diffkit import Inputs, Model, ModelPair, RunContext, TokenTable
from diffkit.analysis import SelectedPositions, token_table
from diffkit.maths import jackknife
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.mean_shift import Direction, MeanShift

FAMILY_WISE_ERROR = 0.05
"""Largest probability that noise alone makes any token of a table pass."""


@cache
def significance_bound(tokens: int, groups: int) -> float:
    """The number of standard errors that a token's score must exceed to pass.

    One-sided Student's t tests with Bonferroni's correction over the vocabulary, which holds for
    any dependence between tokens. With few jackknife groups the error is itself uncertain, so the
    quantile is large.

    Args:
        tokens: size of the vocabulary.
        groups: groups of the jackknife, at least 2.
    """
    from scipy.stats import t

    return float(t.isf(FAMILY_WISE_ERROR / tokens, groups - 1))


@dataclass(frozen=True)
class LensScores:
    """How much the mean difference promotes each token."""

    values: Float[Tensor, " vocabulary"]
    """Logits less their mean over the vocabulary, in float64."""
    errors: Float[Tensor, " vocabulary"] | None
    """Standard errors of the values; None if all texts are in one fold."""
    groups: int
    """Folds of the jackknife."""

    @property
    def bound(self) -> float | None:
        """The number of standard errors that a value must exceed to pass."""
        return None if self.errors is None else significance_bound(len(self.values), self.groups)

    @property
    def passing(self) -> Bool[Tensor, " vocabulary"]:
        """Tokens whose values exceed the bound; none if there are no standard errors."""
        if self.errors is None or self.bound is None:
            return torch.zeros_like(self.values, dtype=torch.bool)
        return self.values > self.bound * self.errors


def logit_lens(
    side: Model, vectors: Float[Tensor, "*batch hidden"], vocabulary: int
) -> Float[Tensor, "*batch vocabulary"]:
    """Applies the final norm and the unembedding (logit lens; nostalgebraist 2020).

    Args:
        side: the model whose norm and unembedding are applied.
        vectors: residual streams.
        vocabulary: number of tokens, from the first, that are scored.

    Returns:
        Logits less their mean over the vocabulary, in float64, as only differences have a meaning.
    """
    logits = side.unembed(vectors.float())[..., :vocabulary].double().cpu()
    return logits - logits.mean(dim=-1, keepdim=True)


def lens_scores(pair: ModelPair, shift: MeanShift) -> LensScores:
    """Applies the finetuned side's logit lens to a mean difference.

    The difference is first scaled to the base's typical norm. The final norm would scale it too,
    but its epsilon would shrink a small difference, and its bias would outweigh one.

    Args:
        pair: both sides.
        shift: the difference, which must not be zero.
    """

    def scaled_lens(vectors: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch vocabulary"]:
        length = vectors.norm(dim=-1, keepdim=True).clamp(min=1e-300)
        return logit_lens(pair.finetuned, vectors * (shift.base_norm / length), pair.vocabulary)

    values, *leave_one_out = scaled_lens(torch.cat([shift.mean[None], shift.leave_one_out]))
    if not leave_one_out:
        return LensScores(values, None, 0)
    errors = jackknife(values, torch.stack(leave_one_out), shift.fold_sizes)
    return LensScores(values, errors, len(shift.fold_sizes))


@dataclass(frozen=True)
class LensResult:
    """A mean difference and its logit lens scores."""

    shift: MeanShift
    scores: LensScores

    @property
    def passing(self) -> int:
        """The number of tokens that pass the test against noise."""
        return int(self.scores.passing.sum())

    def table(self, pair: ModelPair, count: int) -> TokenTable:
        """A table of the tokens that pass, highest score first.

        Without standard errors it holds the tokens of the highest positive scores.

        Args:
            pair: both sides.
            count: largest number of rows.
        """
        values, errors = self.scores.values, self.scores.errors
        return token_table(
            self._title,
            values,
            pair.base.tokenizer,
            count,
            unit="logits above the vocabulary's mean",
            spread=errors,
            order=None if errors is None else values.masked_fill(~self.scores.passing, -1),
        )

    @property
    def _title(self) -> str:
        bound, tokens = self.scores.bound, len(self.scores.values)
        where = f"layer {self.shift.layer}, slot {self.shift.name}"
        known = "standard errors unknown"
        if bound is not None:
            known = f"{self.passing} of {tokens} pass {bound:.1f} standard errors"
        return f"Tokens that the mean difference promotes, {where} ({known})"


def lens_results(pair: ModelPair, shifts: Iterable[MeanShift]) -> Sequence[LensResult]:
    """The logit lens of every mean difference that is not zero, the most reliable first.

    Deep layers come first, since the lens is exact after the last. Within a layer the order is by
    signal; differences that are the same in every text have none and come last. So do those before
    an answer: the template's tokens there are nearly the same in each chat, so that any change has
    a large signal.
    """
    results = [LensResult(shift, lens_scores(pair, shift)) for shift in shifts if shift.relative]
    return sorted(results, key=_order)


def _order(result: LensResult) -> tuple[int, bool, float]:
    shift = result.shift
    before_answer = shift.slot.anchor == "answer" and shift.slot.offset < 0
    return -shift.layer, before_answer, -(shift.signal or 0.0)


def token_tables(
    pair: ModelPair, results: Iterable[LensResult], count: int
) -> Iterable[TokenTable]:
    """The tables of the results, in the same order; tables without a row are left out."""
    tables = (result.table(pair, count) for result in results)
    return [table for table in tables if table.rows]


def jacobian_product(
    pair: ModelPair, direction: Direction, config: ActivationLensConfig, context: RunContext
) -> Float[Tensor, " hidden"]:
    """J u with J = E[Σ_s ∂h_last(t) / ∂h(s)] and direction u, by central differences.

    The expectation is over the texts' tokens t that count, and the sum over the tokens s up to t,
    as the step is taken at all tokens at once, like a bias. It needs two forward passes for any
    width.

    Args:
        pair: both sides; the Jacobian is the finetuned one's.
        direction: the direction, and the block after which it is added.
        config: the number of texts and their length.
        context: the texts.

    Returns:
        The mean change of the last block's stream for a step of norm 1, in float64.
    """
    # at this step the errors of curvature and of rounding are about equal
    step = torch.finfo(pair.finetuned.dtype).eps ** (1 / 3)
    texts = context.texts.first(config.jacobian_texts)
    selected = SelectedPositions(pair.base.tokenizer, config.positions)
    total, tokens = torch.zeros(pair.finetuned.d_model, dtype=torch.float64), 0
    for numbers in texts.batches(config.batch_size):
        batch = [texts.items[number] for number in numbers]
        inputs = pair.base.inputs(batch, max_tokens=config.max_tokens)
        counted = selected.tokens(inputs, batch)
        total += _central_difference(pair.finetuned, inputs, counted, direction, step)
        tokens += int(counted.sum())
    mean: Tensor = total / (2 * step * direction.norm * max(tokens, 1))
    return mean


def _central_difference(
    side: Model,
    inputs: Inputs,
    counted: Bool[Tensor, "texts seq"],
    direction: Direction,
    step: float,
) -> Float[Tensor, " hidden"]:
    """The change of the summed last stream from a step backward to a step forward."""
    forward, backward = (
        _summed_last_stream(side, inputs, counted, direction, each) for each in (step, -step)
    )
    return forward - backward


def _summed_last_stream(
    side: Model,
    inputs: Inputs,
    counted: Bool[Tensor, "texts seq"],
    direction: Direction,
    step: float,
) -> Float[Tensor, " hidden"]:
    """The last block's stream after a step, summed over tokens that count, in float64."""
    added = direction.vector(step, side)
    with side.edit(direction.layer, lambda stream: stream + added):
        stream = side.resid(inputs, [side.layers - 1])[0]
    return stream[counted.to(stream.device)].sum(dim=0, dtype=torch.float64).cpu()


def jacobian_lens(
    pair: ModelPair, direction: Direction, config: ActivationLensConfig, context: RunContext
) -> Float[Tensor, " vocabulary"]:
    """The logit lens of J u, scaled to the stream's typical norm."""
    step = jacobian_product(pair, direction, config, context)
    length = step.norm().clamp(min=1e-300)
    return logit_lens(pair.finetuned, step * (direction.norm / length), pair.vocabulary)
