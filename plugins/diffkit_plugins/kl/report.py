"""The findings of kl: tables of tokens, traces, continuations, a summary and a distribution.

Takes the statistics of `diffkit_plugins.kl.measure`. Gives findings.
"""

from collections.abc import Sequence
from typing import Any

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
    TokenTable,
    TokenTrace,
)
from diffkit.analysis import common_probabilities, token_table, trace_tokens
from diffkit.maths.divergences import token_divergences
from diffkit_plugins.kl.config import KLConfig
from diffkit_plugins.kl.measure import DivergenceDistribution, DivergenceStatistics, DivergentToken


def token_tables(
    found: DivergenceStatistics, tokenizer: Any, count: int
) -> tuple[TokenTable, TokenTable]:
    """The tokens with the largest contributions to both KL divergences.

    Tokens whose contribution is not above 0 are left out.
    """
    titles = (
        "Tokens that carry KL(finetuned‖base): what the finetuned model would rather say",
        "Tokens that carry KL(base‖finetuned): what the base would have said instead",
    )
    finetuned, base = (
        token_table(title, summed / found.tokens, tokenizer, count, unit="nats per token read")
        for title, summed in zip(titles, (found.towards_finetuned, found.towards_base), strict=True)
    )
    return finetuned, base


def summary_table(found: DivergenceStatistics) -> Table:
    """Mean, quantiles and largest value of each divergence, and how often the sides agree."""
    same = found.agreements / found.tokens
    rows = [(name, *_row(one)) for name, one in _named(found)]
    return Table(
        title=f"Divergences over {found.tokens} tokens, nats per token (quantiles to within 12 %)",
        columns=("", "mean", "median", "90 %", "99 %", "largest"),
        rows=(*rows, ("share with the same likeliest token", same, None, None, None, None)),
    )


def _row(one: DivergenceDistribution) -> tuple[float, ...]:
    return (one.mean, *(one.quantile(q) for q in (0.5, 0.9, 0.99)), one.largest)


def distribution_series(found: DivergenceStatistics) -> Series:
    """The distribution of the divergences, in bins of equal width on a logarithmic axis."""
    return Series(
        title="Distribution of the divergences over tokens",
        x_label="nats per token",
        y_label="share of tokens",
        lines=tuple(_line(name, one, found.tokens) for name, one in _named(found)),
        log_x=True,
    )


def _line(name: str, distribution: DivergenceDistribution, tokens: int) -> Line:
    """The bins between the lowest and the highest that are not empty, each at its middle."""
    edges, counts = distribution.histogram.edges, distribution.histogram.counts
    assert counts is not None  # noqa: S101 - at least one token was compared
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
    """The tokens around ``peak``, each with the KL(finetuned‖base) of its prediction.

    The models read the text again, so that the pass over all texts keeps no predictions.

    Args:
        pair: both sides.
        texts: the texts that the peak's index refers to.
        peak: the token in the middle.
        place: its rank among the peaks, from 1, for the title.
        config: the options.
    """
    inputs = pair.base.inputs([texts[peak.text]], max_tokens=config.max_tokens)
    assert inputs.ids is not None  # noqa: S101 - texts always give ids
    first = max(0, peak.position - config.window)
    ids = inputs.ids[0, first : peak.position + config.window + 1].tolist()
    predicting = slice(max(0, first - 1), None)
    last = first + len(ids) - 1
    read = Inputs(inputs.mask[:, :last], ids=inputs.ids[:, :last])
    q, p = (side.logits(read, keep=predicting) for side in (pair.base, pair.finetuned))
    scores = token_divergences(p, q, pair.vocabulary, config.chunk).kl_pq[0]
    tokenizer = pair.base.tokenizer
    return TokenTrace(
        title=f"Where the sides part, {place}: KL(finetuned‖base) of each token's prediction",
        unit="nats",
        tokens=trace_tokens(
            tokenizer,
            [tokenizer.decode([token]) for token in ids],
            scores.tolist(),
            base=common_probabilities(q[0], pair.vocabulary),
            finetuned=common_probabilities(p[0], pair.vocabulary),
            candidates=config.candidates,
        ),
    )


def continuations(
    pair: ModelPair, texts: Sequence[Text], peaks: Sequence[DivergentToken], config: KLConfig
) -> Samples:
    """Both sides' greedy continuations of each text up to its peak, without the peak's token.

    Prompts are the token ids that were read: a text that is cut in the middle of a word or a chat
    would be tokenized differently if it were passed as a string.

    Args:
        pair: both sides.
        texts: the texts that the peaks' indices refer to.
        peaks: the most divergent tokens, largest first.
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
