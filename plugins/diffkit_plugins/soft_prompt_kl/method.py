"""The method."""

from collections.abc import Iterator
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from diffkit import DiffingMethod, Finding, Findings, FinishedRun, ModelPair, Note, RunContext
from diffkit_plugins.soft_prompt_kl import curves, nearest, tables
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.contexts import data
from diffkit_plugins.soft_prompt_kl.controls import controls
from diffkit_plugins.soft_prompt_kl.measure import Advantage, Measured, advantage, measure
from diffkit_plugins.soft_prompt_kl.passages import Data
from diffkit_plugins.soft_prompt_kl.patterns import pattern_table
from diffkit_plugins.soft_prompt_kl.picture import tsne_picture
from diffkit_plugins.soft_prompt_kl.prompt_file import BEST, LAST, load, save
from diffkit_plugins.soft_prompt_kl.ranking import Both, ranked
from diffkit_plugins.soft_prompt_kl.shown import cluster_table, samples
from diffkit_plugins.soft_prompt_kl.tools import Prompted
from diffkit_plugins.soft_prompt_kl.traces import traces
from diffkit_plugins.soft_prompt_kl.trained import Trained
from diffkit_plugins.soft_prompt_kl.training import train
from diffkit_plugins.soft_prompt_kl.words import word_table, words


@dataclass(frozen=True)
class Found:
    """All that findings are made of."""

    prompt: Float[Tensor, "length hidden"]
    trained: Trained | None
    """None where the prompt was given."""
    advantage: Advantage
    nearest: nearest.Nearest
    hard: Measured
    """Under the closest tokens as a prompt."""
    said: tuple[Both, ...]
    """In all contexts, most telling first."""
    controls: tuple[float, ...]


class SoftPromptKL(DiffingMethod[SoftPromptKLConfig]):
    """A soft prompt under which the finetuned side says what its base finds least likely.

    The change score is A = log D(P)/D(∅): D is the clipped KL(finetuned ‖ base) per token of what
    the finetuned side says in held-out contexts, with the prompt and without.
    """

    def run(self, pair: ModelPair, config: SoftPromptKLConfig, context: RunContext) -> Findings:
        """Trains a prompt, or takes the one given, and measures it.

        Raises:
            UserError: the texts give fewer than two contexts, or the prompt does not fit.
        """
        if pair.identical:
            note = Note(text="Both sides have the same weights: no prompt can part them.")
            return Findings(change_score=0.0, items=(note,))
        found = _find(pair, config, context)
        return Findings(
            change_score=found.advantage.score if config.preset is None else None,
            metrics=tables.metrics(found.advantage, found.hard, found.controls),
            items=tuple(_items(pair, config, context, found)),
        )

    def tools(
        self, pair: ModelPair, config: SoftPromptKLConfig, run: FinishedRun
    ) -> tuple[Prompted]:
        """What either side says under the prompt."""
        return (Prompted(pair, config, run),)


def _find(pair: ModelPair, config: SoftPromptKLConfig, context: RunContext) -> Found:
    given = data(pair, config, context)
    trained = train(pair, config, context, given) if config.prompt is None else None
    prompt = trained.best.best if trained else load(config.prompt, pair)
    save(context.artifacts, BEST, prompt, pair, config)
    if trained:
        save(context.artifacts, LAST, trained.best.last, pair, config)
    close = nearest.nearest(pair, prompt)
    seed = context.seed
    return Found(
        prompt,
        trained,
        advantage(pair, config, prompt, given.held_out, seed),
        close,
        measure(pair, config, None, close.before(given.held_out), seed),
        ranked(pair, config, prompt, _all_contexts(given), seed),
        controls(pair, config, context) if config.controls else (),
    )


def _all_contexts(given: Data) -> tuple:
    return (*given.held_out, *given.training)


def _items(
    pair: ModelPair, config: SoftPromptKLConfig, context: RunContext, found: Found
) -> Iterator[Finding]:
    tokenizer = pair.base.tokenizer
    evidence = words([both.finetuned for both in found.said], tokenizer)
    yield word_table(evidence, config.tokens)
    yield samples(found.said, config.samples)
    yield cluster_table(found.said, config.clusters)
    yield tables.summary(found.advantage, found.hard, config.top)
    if found.controls:
        yield tables.controls_note(found.advantage, found.controls)
    yield from traces(pair, config, found.prompt, found.advantage.prompted)
    yield pattern_table(found.advantage.prompted, tokenizer)
    if len(found.advantage.prompted.by_category()) > 1:
        yield tables.category_table(found.advantage)
    if found.trained:
        yield curves.convergence(found.trained)
        yield curves.divergence_curves(found.trained)
        yield curves.norm_curves(found.trained)
    picture = tsne_picture(
        pair, config, found.prompt, found.advantage, context.artifacts, context.seed
    )
    if picture:
        yield picture
    yield nearest.caveat()
    yield nearest.nearest_table(pair, found.nearest)
