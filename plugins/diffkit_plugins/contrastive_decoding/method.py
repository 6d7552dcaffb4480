"""The method contrastive-decoding."""

from collections.abc import Iterator, Sequence

import numpy as np

from diffkit import DiffingMethod, Finding, Findings, ModelPair, Note, RunContext
from diffkit.analysis import WordExcess, word_concentration, words_by_excess
from diffkit_plugins.contrastive_decoding.config import ContrastiveDecodingConfig
from diffkit_plugins.contrastive_decoding.measure import GeneratedText, generate_texts
from diffkit_plugins.contrastive_decoding.report import (
    alpha_series,
    cluster_table,
    largest_ratio_samples,
    word_table,
)


class ContrastiveDecoding(DiffingMethod[ContrastiveDecodingConfig]):
    """Texts generated from base + α (finetuned − base) logits, and the words that set some apart.

    Contrastive decoding (Li and others 2023) with the finetuned side as the expert and its base as
    the amateur, used to compare the two (Brzozowski and others, arXiv 2605.25902).

    The change score is the largest standardised excess of a word: the sum of the log-likelihood
    ratios of the texts that contain it above the mean of all texts, in standard deviations of the
    same sum over as many random texts. Words in few openings do not count. The score has no unit:
    it grows not with the size of a change, but with the number of openings with the same words.
    """

    identical_note = "Both sides have the same weights: there is nothing to amplify."

    def run(
        self, pair: ModelPair, config: ContrastiveDecodingConfig, context: RunContext
    ) -> Findings:
        """Generates the texts and shows which of them have large log ratios.

        Raises:
            UserError: there is no opening.
        """
        every = generate_texts(pair, config, context)
        amplified = [text for text in every if text.request.alpha > 0 and text.ids]
        texts = [text for text in amplified if text.repetition <= config.repetition]
        words = words_of_texts(texts, [text for text in every if text.request.alpha == 0])
        return Findings(
            change_score=word_concentration(words, config.min_openings),
            metrics=_metrics(every, len(amplified) - len(texts)),
            items=tuple(_items(every, texts, words, config)),
        )


def words_of_texts(
    texts: Sequence[GeneratedText], own: Sequence[GeneratedText]
) -> tuple[WordExcess, ...]:
    """All words of the amplified texts, the largest excess first.

    A word in every amplified text sets none of them apart from the others, so its excess is that
    among these and the base's own texts together.

    Args:
        texts: the amplified texts.
        own: the base's own texts.
    """
    words = _excesses(texts)
    everywhere = {one.word for one in words if one.excess.total == one.excess.chance == 0}
    if not everywhere:
        return words
    among_all = [one for one in _excesses([*texts, *own]) if one.word in everywhere]
    others = [one for one in words if one.word not in everywhere]
    return tuple(sorted((*others, *among_all), key=lambda one: (-one.excess.total, one.word)))


def _excesses(texts: Sequence[GeneratedText]) -> tuple[WordExcess, ...]:
    return words_by_excess(
        [text.text for text in texts],
        np.array([text.log_ratio for text in texts]),
        [text.request.opening.ids for text in texts],
    )


def _metrics(every: Sequence[GeneratedText], left_out: int) -> dict[str, float]:
    own, amplified = (
        [t.log_ratio for t in every if (t.request.alpha > 0) is above] for above in (False, True)
    )
    return {
        "amplified_texts_nats_per_token": sum(amplified) / len(amplified),
        "base_texts_nats_per_token": sum(own) / len(own),
        "amplified_texts": float(len(amplified)),
        "left_out_for_repetition": float(left_out),
    }


def _items(
    every: Sequence[GeneratedText],
    texts: Sequence[GeneratedText],
    words: Sequence[WordExcess],
    config: ContrastiveDecodingConfig,
) -> Iterator[Finding]:
    if texts:
        yield word_table(words, config.words)
        yield cluster_table(texts, config)
        yield largest_ratio_samples(texts, every, config)
    else:
        yield Note(
            text="Every amplified text is empty or repeats itself; see the series, and try smaller "
            "alphas or a larger beta."
        )
    yield from alpha_series(every, config.repetition)
