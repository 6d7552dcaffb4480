"""The method."""

from collections.abc import Iterator
from typing import Any

from diffkit import DiffingMethod, Finding, Findings, FinishedRun, ModelPair, Note, RunContext
from diffkit_plugins.soft_prompt_kl import curves, nearest, tables
from diffkit_plugins.soft_prompt_kl.concentration import concentration
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.found import Found, find
from diffkit_plugins.soft_prompt_kl.given import provenance
from diffkit_plugins.soft_prompt_kl.measure import FRESH
from diffkit_plugins.soft_prompt_kl.mirror import Mirror, mirror, of_base
from diffkit_plugins.soft_prompt_kl.patterns import pattern_table
from diffkit_plugins.soft_prompt_kl.picture import tsne_picture
from diffkit_plugins.soft_prompt_kl.shown import cluster_table, member_table, samples
from diffkit_plugins.soft_prompt_kl.tools import Prompted
from diffkit_plugins.soft_prompt_kl.traces import traces
from diffkit_plugins.soft_prompt_kl.words import word_table, words


class SoftPromptKL(DiffingMethod[SoftPromptKLConfig]):
    """A soft prompt under which the finetuned side says what its base finds least likely.

    What the prompt gains is the advantage A = log D(P)/D(∅): D is the clipped KL(finetuned ‖ base)
    per token of what the finetuned side says in held-out contexts, with the prompt and without. It
    stands against prompts trained for random changes of the same KL (``controls``).

    The change score is how concentrated the likelihood ratio of what is said under the prompt is on
    one word. A is large for every small change, since its D(∅) is next to nothing.
    """

    def run(self, pair: ModelPair, config: SoftPromptKLConfig, context: RunContext) -> Findings:
        """Trains a prompt, or takes the one given, and measures it.

        Raises:
            UserError: the texts give fewer than two contexts, or the prompt does not fit.
        """
        if pair.identical:
            note = Note(text="Both sides have the same weights: no prompt can part them.")
            return Findings(change_score=0.0 if config.preset is None else None, items=(note,))
        found = find(pair, config, context)
        mirrored = mirror(pair, config, found, context.seed + FRESH)
        more = tables.raised_metrics(mirrored.raised) if mirrored else {}
        return Findings(
            change_score=concentration(found.said) if config.preset is None else None,
            metrics={**tables.metrics(found), **more},
            items=tuple(_items(pair, config, context, found, mirrored)),
        )

    def tools(
        self, pair: ModelPair, config: SoftPromptKLConfig, run: FinishedRun
    ) -> tuple[Prompted]:
        """What either side says under the prompt."""
        return (Prompted(pair, config, run),)


def _items(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    context: RunContext,
    found: Found,
    mirrored: Mirror | None,
) -> Iterator[Finding]:
    tokenizer, parted = pair.base.tokenizer, found.advantage
    doubts = provenance(pair, config, found.prompt)
    if doubts:
        yield doubts
    yield from _said(config, found, mirrored, tokenizer)
    yield tables.summary(found, config, mirrored.raised if mirrored else ())
    if found.controls:
        yield tables.controls_note(parted, found.controls, trained=found.trained is not None)
    yield from traces(pair, config, found.prompt, parted.prompted)
    yield pattern_table(parted.prompted, tokenizer)
    if len(parted.prompted.by_category()) > 1:
        yield tables.category_table(parted)
    if found.trained:
        yield from curves.course(found.trained, config)
    picture = tsne_picture(pair, config, found.prompt, parted, context)
    if picture:
        yield picture
    yield nearest.caveat()
    yield nearest.nearest_table(pair, found.nearest)


def _said(
    config: SoftPromptKLConfig, found: Found, mirrored: Mirror | None, tokenizer: Any
) -> Iterator[Finding]:
    if mirrored:
        yield from of_base(mirrored, config, tokenizer)
    yield word_table(words(found.said, tokenizer), config.tokens)
    yield samples(found.shown)
    yield cluster_table(found.said, config.clusters)
    if mirrored:
        yield member_table(mirrored.finetuned, config.clusters, "finetuned")
    yield word_table(words(found.unprompted, tokenizer), config.tokens, prompted=False)
