"""The findings of kl: tables of tokens, traces, continuations, a summary and a distribution.

Takes the statistics of `diffkit_plugins.kl.measure`. Gives findings.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from diffkit.analysis import (
    common_probabilities,
    token_table,
    token_text,
    token_texts,
    top_positive,
    trace_tokens,
    word_in_text,
)
from diffkit.maths.divergences import token_divergences
from diffkit_plugins.kl.config import KLConfig
from diffkit_plugins.kl.measure import DivergenceDistribution, DivergenceStatistics, DivergentPlace

TEXT_SHARE = 2
"""Divergent places of one text that are shown at most."""


@dataclass(frozen=True)
class ShownPlace:
    """A place at which the sides part, and the word that the finetuned side would rather say."""

    place: DivergentPlace
    word: str
    count: int
    """The number of predictions to whose divergence this word adds most."""
    predictions: int
    """The number of all predictions that were compared."""

    @property
    def title(self) -> str:
        """What is said instead, and how often."""
        return f"towards {self.word!r}, in {self.count:,} of {self.predictions:,} predictions"


def shown_places(found: DivergenceStatistics, tokenizer: Any, count: int) -> tuple[ShownPlace, ...]:
    """The most divergent place of each word, the largest divergence first.

    A word counts once, with or without a space and in either case, so that one change that shows
    in many places does not fill the list; and a text has at most two places in it.

    Args:
        found: the statistics.
        tokenizer: the base's.
        count: the largest number of places.
    """
    words = {token: token_text(tokenizer, token) for token in found.places.best}
    counts, shown = Counter[str](), dict[str, ShownPlace]()
    for token, number in found.places.counts.items():
        counts[_folded(words[token])] += number
    texts = Counter[int]()
    for place in found.places:
        word = words[place.token]
        if len(shown) < count and _folded(word) not in shown and texts[place.text] < TEXT_SHARE:
            shown[_folded(word)] = ShownPlace(place, word, counts[_folded(word)], found.tokens)
            texts[place.text] += 1
    return tuple(shown.values())


def _folded(word: str) -> str:
    return word.strip().casefold() or word


def words_in_texts(
    found: DivergenceStatistics, pair: ModelPair, texts: Sequence[Text], config: KLConfig
) -> dict[int, str]:
    """The tokens of the first table that make a longer word at their most divergent place.

    Each is shown with this word: ``ugg (Hugging)``.

    Args:
        found: the statistics.
        pair: both sides.
        texts: the texts that places refer to.
        config: the options.
    """
    tokenizer, shown = pair.base.tokenizer, dict[int, str]()
    for token in top_positive(found.towards_finetuned, config.tokens):
        place = found.places.best.get(token)
        if place is not None:
            ids = _ids(pair, texts[place.text], config)
            word, own = (
                word_in_text(tokenizer, ids, place.position, token),
                token_text(tokenizer, token),
            )
            if word != (own.strip() or own):
                shown[token] = f"{own} ({word})"
    return shown


def token_tables(
    found: DivergenceStatistics, tokenizer: Any, count: int, words: Mapping[int, str]
) -> tuple[TokenTable, TokenTable]:
    """The tokens with the largest contributions to both KL divergences.

    Tokens whose contribution is not above 0 are left out.

    Args:
        found: the statistics.
        tokenizer: the base's.
        count: the largest number of rows.
        words: tokens that the first table shows with a word of a text.
    """
    titles = (
        "Tokens that carry KL(finetuned‖base): what the finetuned model would rather say",
        "Tokens that carry KL(base‖finetuned): what the base would have said instead",
    )
    finetuned, base = (
        token_table(
            title, summed / found.tokens, tokenizer, count, unit="nats per token read", words=shown
        )
        for title, summed, shown in zip(
            titles, (found.towards_finetuned, found.towards_base), (words, {}), strict=True
        )
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
    pair: ModelPair, texts: Sequence[Text], shown: ShownPlace, rank: int, config: KLConfig
) -> TokenTrace:
    """The tokens around a place, each with the KL(finetuned‖base) of its prediction.

    The models read the text again, so that the pass over all texts keeps no predictions.

    Args:
        pair: both sides.
        texts: the texts that the place's index refers to.
        shown: the place in the middle.
        rank: its rank among the places, from 1, for the title.
        config: the options.
    """
    peak = shown.place
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
        title=f"Where the sides part, {rank}: {shown.title} (KL(finetuned‖base) of each token's "
        "prediction)",
        unit="nats",
        tokens=trace_tokens(
            tokenizer,
            token_texts(tokenizer, ids),
            scores.tolist(),
            base=common_probabilities(q[0], pair.vocabulary),
            finetuned=common_probabilities(p[0], pair.vocabulary),
            candidates=config.candidates,
        ),
    )


def continuations(
    pair: ModelPair, texts: Sequence[Text], peaks: Sequence[DivergentPlace], config: KLConfig
) -> Samples:
    """Both sides' greedy continuations of each text up to its peak, without the peak's token.

    Prompts are the token ids that were read: a text that is cut in the middle of a word or a chat
    would be tokenized differently if it were passed as a string.

    Args:
        pair: both sides.
        texts: the texts that the peaks' indices refer to.
        peaks: the most divergent places, each of another word.
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
    return _ids(pair, text, config)[:position]


def _ids(pair: ModelPair, text: Text, config: KLConfig) -> list[int]:
    inputs = pair.base.inputs([text], max_tokens=config.max_tokens)
    assert inputs.ids is not None  # noqa: S101 - texts always give ids
    ids: list[int] = inputs.ids[0].tolist()
    return ids
