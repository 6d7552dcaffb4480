"""The method."""

from collections.abc import Iterator
from typing import Any

from diffkit import DiffingMethod, Finding, Findings, FinishedRun, ModelPair, RunContext
from diffkit_plugins.soft_prompt_kl.comparison import FRESH
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.evaluation import (
    BaseSide,
    PromptEvaluation,
    evaluate_base_side,
    evaluate_prompt,
)
from diffkit_plugins.soft_prompt_kl.prompt_file import provenance_note
from diffkit_plugins.soft_prompt_kl.ranking import completion_concentration, word_contributions
from diffkit_plugins.soft_prompt_kl.report import figures, tables
from diffkit_plugins.soft_prompt_kl.report.figures import completion_map
from diffkit_plugins.soft_prompt_kl.report.samples import (
    base_findings,
    cluster_table,
    completion_samples,
    completion_traces,
    member_table,
    word_table,
)
from diffkit_plugins.soft_prompt_kl.report.tables import (
    nearest_table,
    nearest_tokens_note,
    pattern_table,
)
from diffkit_plugins.soft_prompt_kl.tools import PromptedCompletions


class SoftPromptKL(DiffingMethod[SoftPromptKLConfig]):
    """A soft prompt under which the finetuned side says what its base finds least likely.

    What the prompt gains is the advantage A = log D(P)/D(∅): D is the clipped KL(finetuned ‖ base)
    per token of what the finetuned side says in held-out contexts, with the prompt and without. It
    stands against prompts trained for random changes of the same KL (``controls``).

    The change score is how concentrated the likelihood ratio of what is said under the prompt is on
    one word. A is large for every small change, since its D(∅) is next to nothing.
    """

    identical_note = "Both sides have the same weights: no prompt can part them."

    def identical(self, config: SoftPromptKLConfig) -> Findings:
        """The note; a preset has no change score."""
        found = super().identical(config)
        return found if config.preset is None else found.model_copy(update={"change_score": None})

    def run(self, pair: ModelPair, config: SoftPromptKLConfig, context: RunContext) -> Findings:
        """Trains a prompt, or takes the one given, and measures it.

        Raises:
            UserError: the texts give fewer than two contexts, or the prompt does not fit.
        """
        found = evaluate_prompt(pair, config, context)
        mirrored = evaluate_base_side(pair, config, found, context.seed + FRESH)
        more = tables.raised_metrics(mirrored.raised) if mirrored else {}
        return Findings(
            change_score=completion_concentration(found.said) if config.preset is None else None,
            metrics={**tables.metrics(found), **more},
            items=tuple(_items(pair, config, context, found, mirrored)),
        )

    def tools(
        self, pair: ModelPair, config: SoftPromptKLConfig, run: FinishedRun
    ) -> tuple[PromptedCompletions]:
        """What either side says under the prompt."""
        return (PromptedCompletions(pair, config, run),)


def _items(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    context: RunContext,
    found: PromptEvaluation,
    mirrored: BaseSide | None,
) -> Iterator[Finding]:
    tokenizer, parted = pair.base.tokenizer, found.advantage
    doubts = provenance_note(pair, config, found.prompt)
    if doubts:
        yield doubts
    yield from _said(config, found, mirrored, tokenizer)
    yield tables.summary_table(found, config, mirrored.raised if mirrored else ())
    if found.controls:
        yield tables.controls_note(parted, found.controls, trained=found.trained is not None)
    yield from completion_traces(pair, config, found.prompt, parted.prompted)
    yield pattern_table(parted.prompted, tokenizer)
    if len(parted.prompted.by_category()) > 1:
        yield tables.category_table(parted)
    if found.trained:
        yield from figures.training_curves(found.trained, config)
    picture = completion_map(pair, config, found.prompt, parted, context)
    if picture:
        yield picture
    yield nearest_tokens_note()
    yield nearest_table(pair, found.nearest)


def _said(
    config: SoftPromptKLConfig, found: PromptEvaluation, mirrored: BaseSide | None, tokenizer: Any
) -> Iterator[Finding]:
    if mirrored:
        yield from base_findings(mirrored, config, tokenizer)
    yield word_table(word_contributions(found.said, tokenizer), config.tokens)
    yield completion_samples(found.shown)
    yield cluster_table(found.said, config.clusters)
    if mirrored:
        yield member_table(mirrored.finetuned, config.clusters, "finetuned")
    yield word_table(word_contributions(found.unprompted, tokenizer), config.tokens, prompted=False)
