"""The findings of kl: tables of tokens, traces, continuations, a summary and a distribution.

Takes the statistics of `diffkit_plugins.kl.measure`. Gives findings.
"""

from collections.abc import Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from diffkit import (
    Inputs,
    Line,
    ModelPair,
    Sample,
    Samples,
    Sampling,
    Series,
    Table,
    Text,
    TokenScore,
    TokenTable,
    TokenTrace,
    TracedToken,
    top_tokens,
)
from diffkit.maths.divergences import token_divergences
from diffkit_plugins.kl.config import KLConfig
from diffkit_plugins.kl.measure import DivergenceDistribution, DivergenceStatistics, DivergentToken


def token_tables(
    found: DivergenceStatistics, tokenizer: Any, count: int
) -> tuple[TokenTable, TokenTable]:
    """What the finetuned model says that the base finds implausible, and the reverse."""
    return (
        _tokens(
            "Tokens that carry KL(finetuned‖base): what the finetuned model would rather say",
            found.towards_finetuned / found.tokens,
            tokenizer,
            count,
        ),
        _tokens(
            "Tokens that carry KL(base‖finetuned): what the base would have said instead",
            found.towards_base / found.tokens,
            tokenizer,
            count,
        ),
    )


def _tokens(
    title: str, scores: Float[Tensor, " vocabulary"], tokenizer: Any, count: int
) -> TokenTable:
    """The largest contributions; those at or below 0 carry nothing and are left out."""
    best = scores.sort(descending=True, stable=True)
    pairs = zip(best.indices[:count].tolist(), best.values[:count].tolist(), strict=True)
    rows = [TokenScore(token=tokenizer.decode([i]), score=score) for i, score in pairs if score > 0]
    return TokenTable(title=title, unit="nats per token read", rows=tuple(rows))


def summary_table(found: DivergenceStatistics) -> Table:
    """Mean, quantiles and largest value of each divergence, and how often the sides agree."""
    same = found.agreements / found.tokens
    rows = [(name, *_row(spread)) for name, spread in _named(found)]
    return Table(
        title=f"Divergences over {found.tokens} tokens, nats per token (quantiles to within 12 %)",
        columns=("", "mean", "median", "90 %", "99 %", "largest"),
        rows=(*rows, ("share with the same likeliest token", same, None, None, None, None)),
    )


def _row(spread: DivergenceDistribution) -> tuple[float, ...]:
    return (spread.mean, *(spread.quantile(q) for q in (0.5, 0.9, 0.99)), spread.largest)


def distribution_series(found: DivergenceStatistics) -> Series:
    """How the divergences are spread, in bins that are equally wide on a logarithmic axis."""
    return Series(
        title="Distribution of the divergences over tokens",
        x_label="nats per token",
        y_label="share of tokens",
        lines=tuple(_line(name, spread, found.tokens) for name, spread in _named(found)),
        log_x=True,
    )


def _line(name: str, spread: DivergenceDistribution, tokens: int) -> Line:
    """Bins between the lowest and the highest that hold anything, each at its middle."""
    edges, counts = spread.histogram.edges, spread.histogram.counts
    assert counts is not None  # noqa: S101 - the scan saw at least one token
    counts = counts[1:-1]
    held = counts.nonzero()[:, 0].tolist()
    bins = slice(held[0], held[-1] + 1) if held else slice(0, 0)
    middles = (edges[:-1] * edges[1:]).sqrt()[bins]
    return Line(name=name, x=tuple(middles.tolist()), y=tuple((counts[bins] / tokens).tolist()))


def _named(found: DivergenceStatistics) -> tuple[tuple[str, DivergenceDistribution], ...]:
    return (
        ("KL(finetuned‖base)", found.kl_pq),
        ("KL(base‖finetuned)", found.kl_qp),
        ("JSD", found.jsd),
    )


def divergence_trace(
    pair: ModelPair, texts: Sequence[Text], peak: DivergentToken, place: int, config: KLConfig
) -> TokenTrace:
    """A window of tokens around ``peak``, each with the KL(finetuned‖base) of its prediction.

    The text is read again, alone, so that the first pass over all texts keeps nothing.

    Args:
        pair: both sides.
        texts: the texts that the peak's number counts through.
        peak: the place in the middle.
        place: its place among the peaks, from 1, for the title.
        config: the options.
    """
    inputs = pair.base.inputs([texts[peak.text]], max_tokens=config.max_tokens)
    assert inputs.ids is not None  # noqa: S101 - texts always give ids
    first = max(0, peak.position - config.window)
    ids = inputs.ids[0, first : peak.position + config.window + 1].tolist()
    predicting = slice(max(0, first - 1), first + len(ids) - 1)
    q, p = (side.logits(inputs, keep=predicting) for side in (pair.base, pair.finetuned))
    scores = token_divergences(p, q, pair.vocabulary, config.chunk).kl_pq[0]
    tokenizer = pair.base.tokenizer
    base, finetuned = (
        top_tokens(tokenizer, side[0, :, : pair.vocabulary].float().softmax(-1), config.candidates)
        for side in (q, p)
    )
    words = [tokenizer.decode([token]) for token in ids]
    traced = [
        TracedToken(token=word, score=score, base=left, finetuned=right)
        for word, score, left, right in zip(
            words[-len(base) :], scores.tolist(), base, finetuned, strict=True
        )
    ]
    opening = [TracedToken(token=word) for word in words[: len(words) - len(traced)]]
    return TokenTrace(
        title=f"Where the sides part, {place}: KL(finetuned‖base) of each token's prediction",
        unit="nats",
        tokens=(*opening, *traced),
    )


def continuations(
    pair: ModelPair, texts: Sequence[Text], peaks: Sequence[DivergentToken], config: KLConfig
) -> Samples:
    """Both sides' greedy continuations of each text up to its peak, the peak's token left out.

    Prompts are the very token ids that were read: a text cut in the middle of a word, or of a chat,
    would be tokenised otherwise if it were passed as a string.

    Args:
        pair: both sides.
        texts: the texts that the peaks' numbers count through.
        peaks: the places, largest first.
        config: the options.
    """
    prompts = [_prompt(pair, texts[peak.text], peak.position, config) for peak in peaks]
    words = [pair.base.tokenizer.decode(prompt) for prompt in prompts]
    sampling = Sampling(max_new_tokens=config.max_new_tokens)
    base, finetuned = (
        [
            completion.text
            for start in range(0, len(prompts), config.batch_size)
            for completion in side.generate_from(
                Inputs.of(prompts[start : start + config.batch_size], side="left"), sampling
            )
        ]
        for side in (pair.base, pair.finetuned)
    )
    rows = [
        Sample(prompt=prompt, base=left, finetuned=right)
        for prompt, left, right in zip(words, base, finetuned, strict=True)
    ]
    return Samples(title="How both sides go on from where they part (greedy)", rows=tuple(rows))


def _prompt(pair: ModelPair, text: Text, position: int, config: KLConfig) -> list[int]:
    inputs = pair.base.inputs([text], max_tokens=config.max_tokens)
    assert inputs.ids is not None  # noqa: S101 - texts always give ids
    ids: list[int] = inputs.ids[0, :position].tolist()
    return ids
