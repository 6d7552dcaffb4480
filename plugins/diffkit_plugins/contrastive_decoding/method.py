"""The method."""

from collections.abc import Iterator, Sequence

from diffkit import DiffingMethod, Finding, Findings, ModelPair, Note, RunContext
from diffkit_plugins.contrastive_decoding.config import ContrastiveDecodingConfig
from diffkit_plugins.contrastive_decoding.measure import (
    GeneratedText,
    WordExcess,
    concentration,
    generate_texts,
    words_by_excess,
)
from diffkit_plugins.contrastive_decoding.report import (
    alpha_series,
    cluster_table,
    largest_ratio_samples,
    word_table,
)


class ContrastiveDecoding(DiffingMethod[ContrastiveDecodingConfig]):
    """Texts written from base + α (finetuned − base) logits, and what makes some more tilted.

    Contrastive decoding (Li and others 2023) with the finetuned side as the expert and its base as
    the amateur, read as a diff (Brzozowski and others, arXiv 2605.25902).

    The change score is how far one word goes in telling which texts are tilted: of the words that
    come up in several openings, the largest excess tilt of the texts that say it, in standard
    deviations of as many texts drawn at random. It has no unit, so a louder finetuning does not
    score higher for that; one that says the same thing in many places does.
    """

    identical_note = "Both sides have the same weights: there is nothing to amplify."

    def run(
        self, pair: ModelPair, config: ContrastiveDecodingConfig, context: RunContext
    ) -> Findings:
        """Writes the texts and shows what carries their tilt.

        Raises:
            UserError: there is no opening to write from.
        """
        every = generate_texts(pair, config, context)
        amplified = [text for text in every if text.plan.alpha > 0 and text.ids]
        texts = [text for text in amplified if text.repetition <= config.repetition]
        found = words_by_excess(texts)
        return Findings(
            change_score=concentration(found, config.min_openings),
            metrics=_metrics(every, len(amplified) - len(texts)),
            items=tuple(_items(every, texts, found, config)),
        )


def _metrics(every: Sequence[GeneratedText], left_out: int) -> dict[str, float]:
    own, amplified = (
        [t.tilt for t in every if (t.plan.alpha > 0) is above] for above in (False, True)
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
    found: Sequence[WordExcess],
    config: ContrastiveDecodingConfig,
) -> Iterator[Finding]:
    if texts:
        yield word_table(found, config.words)
        yield cluster_table(texts, config)
        yield largest_ratio_samples(texts, every, config)
    else:
        yield Note(
            text="Every amplified text is empty or repeats itself; see the series, and try smaller "
            "alphas or a larger beta."
        )
    yield from alpha_series(every, config.repetition)
