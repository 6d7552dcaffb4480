"""The method soft-prompt-kl."""

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
    is compared with prompts trained for random changes of the same KL (``controls``).

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
        base_side = evaluate_base_side(pair, config, found, context.seed + FRESH)
        more = tables.divergence_metrics(base_side.divergences) if base_side else {}
        return Findings(
            change_score=completion_concentration(found.completions)
            if config.preset is None
            else None,
            metrics={**tables.metrics(found), **more},
            items=tuple(_items(pair, config, context, found, base_side)),
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
    base_side: BaseSide | None,
) -> Iterator[Finding]:
    tokenizer, advantage = pair.base.tokenizer, found.advantage
    doubts = provenance_note(pair, config, found.prompt)
    if doubts:
        yield doubts
    yield from _completions(config, found, base_side, tokenizer)
    yield tables.summary_table(found, config, base_side.divergences if base_side else ())
    if found.controls:
        yield tables.controls_note(advantage, found.controls, trained=found.trained is not None)
    yield from completion_traces(pair, config, found.prompt, advantage.prompted)
    yield pattern_table(advantage.prompted, tokenizer)
    if len(advantage.prompted.by_category()) > 1:
        yield tables.category_table(advantage)
    if found.trained:
        yield from figures.training_curves(found.trained, config)
    picture = completion_map(pair, config, found.prompt, advantage, context)
    if picture:
        yield picture
    yield nearest_tokens_note()
    yield nearest_table(pair, found.nearest)


def _completions(
    config: SoftPromptKLConfig, found: PromptEvaluation, base_side: BaseSide | None, tokenizer: Any
) -> Iterator[Finding]:
    if base_side:
        yield from base_findings(base_side, config, tokenizer)
    yield word_table(word_contributions(found.completions, tokenizer), config.tokens)
    yield completion_samples(found.shown)
    yield cluster_table(found.completions, config.clusters)
    if base_side:
        yield member_table(base_side.finetuned, config.clusters, "finetuned")
    yield word_table(word_contributions(found.unprompted, tokenizer), config.tokens, prompted=False)
