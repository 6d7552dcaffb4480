"""A soft prompt, trained or given, and all measurements of it.

Takes both models and the options. Gives the prompt with its advantage, ranked completions, prompts
trained for random controls, and, where another divergence than KL was trained, the base's
completions and the mean of that divergence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import (
    ModelPair,
    RunContext,
    Texts,
    control_scale_for_kl,
    mean_kl,
)
from diffkit_plugins.soft_prompt_kl.comparison import (
    FRESH,
    Advantage,
    PassageDivergences,
    advantage,
    measure_contexts,
    measure_passages,
)
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.data import Passage, PromptData, prepare_data
from diffkit_plugins.soft_prompt_kl.generation import complete
from diffkit_plugins.soft_prompt_kl.prediction import compare_predictions
from diffkit_plugins.soft_prompt_kl.prompt_file import (
    BEST,
    LAST,
    keep_prompt_file,
    load_prompt,
    save_prompt,
)
from diffkit_plugins.soft_prompt_kl.ranking import (
    CompletionPair,
    ScoredCompletion,
    pair_with_base,
    rank_completions,
)
from diffkit_plugins.soft_prompt_kl.soft_prompt import NearestTokens, nearest_tokens
from diffkit_plugins.soft_prompt_kl.training.objective import checked_divergence, mean_base_kl
from diffkit_plugins.soft_prompt_kl.training.trainer import train
from diffkit_plugins.soft_prompt_kl.training.validation import TrainedPrompts


@dataclass(frozen=True)
class PromptEvaluation:
    """A prompt and what was measured of it."""

    data: PromptData
    """Contexts and texts, as they were trained on and held out."""
    prompt: Float[Tensor, "length hidden"]
    trained: TrainedPrompts | None
    """None where the prompt was given."""
    advantage: Advantage
    nearest: NearestTokens
    hard: PassageDivergences
    """Under the closest tokens as a prompt."""
    base_kl: float
    """KL of the base under the prompt from the base without it, nats per token."""
    completions: tuple[ScoredCompletion, ...]
    """What the finetuned side says in all contexts, most telling first."""
    unprompted: tuple[ScoredCompletion, ...]
    """The same without the prompt."""
    shown: tuple[CompletionPair, ...]
    """The first of these, beside the base's."""
    controls: tuple[float, ...]


def evaluate_prompt(
    pair: ModelPair, config: SoftPromptKLConfig, context: RunContext
) -> PromptEvaluation:
    """Trains a prompt, or takes the one given, and measures it.

    Args:
        pair: both sides.
        config: the options.
        context: texts, seed, artifacts, checkpoints and progress.
    """
    given, seed = prepare_data(pair, config, context), context.seed + FRESH
    trained = train(pair, config, context, given) if config.prompt is None else None
    prompt = _kept(pair, config, context, trained)
    contexts = (*given.held_out, *given.training)
    passages, unprompted = (
        complete(pair.finetuned, each, contexts, config, seed, pair.vocabulary)
        for each in (prompt, None)
    )
    held_out, plain = (these[: len(given.held_out)] for these in (passages, unprompted))
    completions, close = rank_completions(pair, config, passages), nearest_tokens(pair, prompt)
    return PromptEvaluation(
        data=given,
        prompt=prompt,
        trained=trained,
        advantage=Advantage(
            measure_passages(pair, config, prompt, held_out),
            measure_passages(pair, config, None, plain),
        ),
        nearest=close,
        hard=measure_contexts(pair, config, None, close.before(given.held_out), seed),
        base_kl=mean_base_kl(pair, config, prompt, held_out),
        completions=completions,
        unprompted=rank_completions(pair, config, unprompted),
        shown=pair_with_base(pair, config, prompt, completions[: config.samples], seed),
        controls=control_advantages(pair, config, context),
    )


def _kept(
    pair: ModelPair, config: SoftPromptKLConfig, context: RunContext, trained: TrainedPrompts | None
) -> Float[Tensor, "length hidden"]:
    """The prompt that is measured; it is left as an artifact, and the last one of a training."""
    if trained is not None:
        best = trained.best
        save_prompt(context.artifacts, BEST, best.best, pair, config)
        save_prompt(context.artifacts, LAST, best.last, pair, config)
        return best.best
    assert config.prompt is not None  # noqa: S101 - without a file one is trained
    prompt = load_prompt(config.prompt, pair)
    keep_prompt_file(context.artifacts, config.prompt.path)
    return prompt


TEXTS = 40
"""Texts of the suite on which mean KLs are compared."""


def control_advantages(
    pair: ModelPair, config: SoftPromptKLConfig, context: RunContext
) -> tuple[float, ...]:
    """A = log D(P)/D(∅) of as many random changes as asked for, each with a prompt of its own.

    Each changes the modules that finetuning changed, scaled so that its mean KL from the base on
    the suite's texts is the pair's. Everything else is done as it was for the pair; a prompt that
    was given is applied to each as it is.

    Args:
        pair: both sides.
        config: how many, and how prompts are trained.
        context: as it was given for the pair.
    """
    numbers = range(config.controls)
    found = context.progress(numbers, label="controls", total=config.controls)
    return tuple(_score(pair, config, context, number) for number in found)


def _score(pair: ModelPair, config: SoftPromptKLConfig, context: RunContext, number: int) -> float:
    folder = context.checkpoints.folder / f"checkpoint-control-{number}"
    own = replace(context, checkpoints=replace(context.checkpoints, folder=folder))
    seed = context.seed + 1 + number
    texts = context.texts.first(TEXTS)
    scale = control_scale_for_kl(partial(_drift, pair, texts, seed), mean_kl(pair, texts))
    with pair.control(seed, scale) as control:
        given = prepare_data(control, config, own)
        prompt = (
            train(control, config, own, given).best.best
            if config.prompt is None
            else load_prompt(config.prompt, control)
        )
        return advantage(control, config, prompt, given.held_out, context.seed + FRESH).score


def _drift(pair: ModelPair, texts: Texts, seed: int, scale: float) -> float:
    with pair.control(seed, scale) as control:
        return mean_kl(control, texts)


@dataclass(frozen=True)
class TrainedDivergence:
    """Means of the trained divergence, clipped, on what is held out, in nats per token."""

    passages: str
    """What was read: ``completions`` of the finetuned side, or ``texts``."""
    prompted: float
    plain: float
    """Without a prompt."""
    hard: float
    """With the closest tokens as the prompt."""


def trained_divergences(
    pair: ModelPair, config: SoftPromptKLConfig, found: PromptEvaluation
) -> Iterator[TrainedDivergence]:
    """On the completions that KL was measured on, and on held-out texts where texts are read.

    Args:
        pair: both sides.
        config: which divergence, its cap, and what was trained on.
        found: the prompt, and what was read.
    """
    mean = partial(mean_divergence, pair, config)
    for name, (prompted, plain, hard) in _read(found).items():
        yield TrainedDivergence(
            name, mean(found.prompt, prompted), mean(None, plain), mean(None, hard)
        )


def _read(found: PromptEvaluation) -> dict[str, Sequence[Sequence[Passage]]]:
    """What is read under the prompt, without one, and after the closest tokens."""
    measured = found.advantage.prompted, found.advantage.plain, found.hard
    passages: dict[str, Sequence[Sequence[Passage]]] = {
        "completions": [[one.passage for one in each.passages] for each in measured]
    }
    # a text's first token is not predicted if nothing is before it
    texts = [replace(text, start=1) for text in found.data.held_out_texts]
    if texts:
        closest = tuple(found.nearest.closest.tolist())
        hard = [replace(t, ids=closest + t.ids, start=len(closest) + t.start) for t in texts]
        passages["texts"] = [texts, texts, hard]
    return passages


def mean_divergence(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"] | None,
    passages: Sequence[Passage],
) -> float:
    """The mean per token of what counts, clipped, in nats; 0 where nothing counts."""
    divergence = checked_divergence(config)

    def clipped(
        log_p: Float[Tensor, "chunk vocabulary"],
        log_q: Float[Tensor, "chunk vocabulary"],
        targets: Int[Tensor, " chunk"],
    ) -> Float[Tensor, "chunk 1"]:
        del targets
        return divergence(log_p, log_q).clamp(max=config.cap)[:, None]

    each = [one for one in compare_predictions(pair, config, prompt, passages, clipped) if len(one)]
    return float(torch.cat(each).double().mean()) if each else 0.0


@dataclass(frozen=True)
class BaseSide:
    """The other side of what was found."""

    base: tuple[CompletionPair, ...]
    """What the base says under the prompt in all contexts, most telling first, beside what the
    finetuned side says there."""
    finetuned: tuple[CompletionPair, ...]
    """The same by what the finetuned side says."""
    divergences: tuple[TrainedDivergence, ...]


def evaluate_base_side(
    pair: ModelPair, config: SoftPromptKLConfig, found: PromptEvaluation, seed: int
) -> BaseSide | None:
    """Has the base complete all contexts under the prompt; none where KL was trained.

    Args:
        pair: both sides.
        config: the options.
        found: the prompt, and what it was measured on.
        seed: where draws come from; those of `found` have both sides meet the same.
    """
    if config.divergence == "kl":
        return None
    contexts = (*found.data.held_out, *found.data.training)
    passages = complete(pair.base, found.prompt, contexts, config, seed, pair.vocabulary)
    completions = rank_completions(pair, config, passages, "base")
    return BaseSide(
        _beside(completions, found.completions),
        _beside(found.completions, completions),
        tuple(trained_divergences(pair, config, found)),
    )


def _beside(
    completions: Sequence[ScoredCompletion], other: Sequence[ScoredCompletion]
) -> tuple[CompletionPair, ...]:
    """Each with what the other side said in the same context, with the same draws."""
    there = {one.passage.context: one.passage for one in other}
    return tuple(CompletionPair(one, there[one.passage.context]) for one in completions)
