"""Samples of both sides with their scores: all that the findings are made of."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from diffkit import ModelPair, RunContext
from diffkit_plugins.perplexity_diff.config import PerplexityDiffConfig
from diffkit_plugins.perplexity_diff.sampling import Sampled, draw
from diffkit_plugins.perplexity_diff.scoring import log_ratios
from diffkit_plugins.perplexity_diff.spans import Span, best_span


@dataclass(frozen=True)
class Scored:
    """A sample and what each side thinks of it."""

    sample: Sampled
    ratios: Float[Tensor, " tokens"]
    """Log p_finetuned − log p_base of each token, in nats, float64."""
    span: Span
    """Where most of it lies."""

    @property
    def total(self) -> float:
        """The sample's log-likelihood ratio, in nats."""
        return float(self.ratios.sum())


@dataclass(frozen=True)
class Survey:
    """Both sides' samples, in one order of openings."""

    base: tuple[Scored, ...]
    finetuned: tuple[Scored, ...]


def survey(pair: ModelPair, config: PerplexityDiffConfig, context: RunContext) -> Survey:
    """Draws and scores.

    Args:
        pair: both sides.
        config: the options.
        context: texts, seed and progress.
    """
    drawn = draw(pair, config, context)
    samples = [*(both.base for both in drawn), *(both.finetuned for both in drawn)]
    ratios = log_ratios(pair, samples, config, context)
    scored = [
        Scored(sample, each, best_span(each, config.token_cost))
        for sample, each in zip(samples, ratios, strict=True)
    ]
    return Survey(tuple(scored[: len(drawn)]), tuple(scored[len(drawn) :]))


def words(pair: ModelPair, scored: Scored) -> str:
    """The words of a sample's span."""
    text: str = pair.base.tokenizer.decode(scored.sample.ids[scored.span.start : scored.span.stop])
    return text
