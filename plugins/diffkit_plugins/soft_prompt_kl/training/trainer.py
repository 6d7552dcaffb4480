"""Trains soft prompts from several initial values, with checkpoints.

Takes the pair, the options and the data. Gives the prompts with their held-out evaluations.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from jaxtyping import Float
from torch import Tensor

from diffkit import Checkpoint, Checkpoints, ModelPair, RunContext
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.data import PromptData
from diffkit_plugins.soft_prompt_kl.soft_prompt import (
    append_token,
    initial_prompt,
    initial_prompt_from_text,
)
from diffkit_plugins.soft_prompt_kl.training.batches import (
    Round,
    batches,
    draw_round,
    seeded_generator,
)
from diffkit_plugins.soft_prompt_kl.training.objective import PromptTask, prompt_task
from diffkit_plugins.soft_prompt_kl.training.optimizer import PromptOptimizer
from diffkit_plugins.soft_prompt_kl.training.validation import (
    HeldOutEvaluation,
    PromptTraining,
    TrainedPrompts,
    evaluations_without_gain,
    pool_means,
)


@dataclass
class TrainingState:
    """A training under way, between two rounds."""

    optimizer: PromptOptimizer
    best: Float[Tensor, "length hidden"]
    history: list[HeldOutEvaluation] = field(default_factory=list)


@dataclass(frozen=True)
class SavedTrainings:
    """Trainings that have ended, and the one that has not."""

    ended: tuple[PromptTraining, ...] = ()
    under_way: TrainingState | None = None


def save_state(
    checkpoints: Checkpoints, ended: Sequence[PromptTraining], under_way: TrainingState | None
) -> None:
    """Replaces the checkpoint."""
    tensors = {
        f"{number}/{name}": getattr(training, name)
        for number, training in enumerate(ended)
        for name in ("best", "last")
    }
    done = [{"history": _plain(one.history), "stopped": one.stopped} for one in ended]
    state: dict[str, Any] = {"ended": done}
    if under_way is not None:
        optimizer = under_way.optimizer.state()
        tensors |= {**optimizer.tensors, "best": under_way.best}
        state |= {"ascent": dict(optimizer.state), "history": _plain(under_way.history)}
    checkpoints.save(tensors, state)


def load_state(checkpoints: Checkpoints, task: PromptTask) -> SavedTrainings:
    """The checkpoint, on the base's device; nothing where there is none."""
    saved = checkpoints.load()
    if saved is None:
        return SavedTrainings()
    device = task.pair.base.device
    tensors = {  # Adam's number of steps stays where Adam has it, on the CPU
        name: value.to(device) if value.ndim else value for name, value in saved.tensors.items()
    }
    ended = tuple(
        PromptTraining(
            best=tensors[f"{number}/best"],
            last=tensors[f"{number}/last"],
            history=tuple(_history(one["history"])),
            stopped=one["stopped"],
        )
        for number, one in enumerate(saved.state["ended"])
    )
    if "ascent" not in saved.state:
        return SavedTrainings(ended)
    optimizer = PromptOptimizer.of(task, Checkpoint(tensors, saved.state["ascent"]))
    return SavedTrainings(
        ended, TrainingState(optimizer, tensors["best"], list(_history(saved.state["history"])))
    )


def _plain(history: Sequence[HeldOutEvaluation]) -> list[dict[str, Any]]:
    return [asdict(one) for one in history]


def _history(plain: Sequence[Mapping[str, Any]]) -> Iterator[HeldOutEvaluation]:
    return (HeldOutEvaluation(**one) for one in plain)


def train(
    pair: ModelPair, config: SoftPromptKLConfig, context: RunContext, data: PromptData
) -> TrainedPrompts:
    """Trains a soft prompt from each start, going on where an interrupted run was.

    Each round draws completions under the prompt as it is, measures what is held out, and takes
    steps on the rest. That the prompt also shapes what is said is left out of the gradient: a
    completion is taken as given.

    Args:
        pair: both sides; neither's weights change.
        config: the options.
        context: seed, checkpoints, and where progress is shown.
        data: what is trained on, and what is held out.

    Raises:
        UserError: there is no such divergence, one's own is at fault, or the text that it is to
            start from has no tokens.
    """
    task = prompt_task(pair, config, data, context.seed)
    saved = load_state(context.checkpoints, task)
    ended, under_way = list(saved.ended), saved.under_way
    with _recomputing(pair, config.checkpointing):
        for restart in range(len(ended), config.restarts):
            training_state = under_way or _initial_state(task, restart)
            under_way = None
            ended.append(_trained(task, training_state, context, ended))
            save_state(context.checkpoints, ended, None)
    return TrainedPrompts(tuple(ended))


def _initial_state(task: PromptTask, restart: int) -> TrainingState:
    optimizer = PromptOptimizer(task, _start(task, restart))
    return TrainingState(optimizer, optimizer.prompt.detach().clone())


def _start(task: PromptTask, restart: int) -> Float[Tensor, "length hidden"]:
    config, drawing = task.config, seeded_generator(task.seed, "start", restart)
    base, vocabulary, text = task.pair.base, task.vocabulary, config.initial_text
    if text is not None and restart == 0:  # from the same text others would go the same way
        return initial_prompt_from_text(base, vocabulary, config.n_tokens, text)
    return initial_prompt(base, vocabulary, config.n_tokens, config.initialisation, drawing)


def _trained(
    task: PromptTask,
    training_state: TrainingState,
    context: RunContext,
    ended: list[PromptTraining],
) -> PromptTraining:
    config, restart, stopped = task.config, len(ended), "steps"
    every = config.evaluate_every
    rounds = [*range(0, config.steps, every), config.steps]
    left = [step for step in rounds if step >= training_state.optimizer.step]
    total, done = len(rounds), len(rounds) - len(left)
    label = f"training {restart + 1} of {config.restarts}"
    for step in context.progress(left, label=label, total=total, done=done):
        if step:
            save_state(context.checkpoints, ended, training_state)
        found = draw_round(
            task, training_state.optimizer.prompt.detach(), restart * (config.steps + 1) + step
        )
        _evaluate(task, training_state, found)
        context.status(f"best score {max(one.score for one in training_state.history):.3f}")
        if evaluations_without_gain(training_state.history) >= config.patience and not _lengthen(
            task, training_state, restart
        ):
            stopped = "patience"
            break
        key = (task.seed, "batches", restart, step)
        for passages in islice(
            batches(found.training, config.batch, *key), min(every, config.steps - step)
        ):
            training_state.optimizer.advance(passages)
    return PromptTraining(
        training_state.best,
        training_state.optimizer.prompt.detach(),
        tuple(training_state.history),
        stopped,
    )


def _evaluate(task: PromptTask, training_state: TrainingState, found: Round) -> None:
    optimizer, prompt = training_state.optimizer, training_state.optimizer.prompt.detach()
    reached = pool_means(task, prompt, found.held_out)
    evaluated = HeldOutEvaluation(
        step=optimizer.step,
        divergence=reached.divergence,
        base_kl=reached.base_kl,
        score=reached.divergence - task.config.anchor * reached.base_kl,
        training=optimizer.objective.take()
        if optimizer.objective.count
        else pool_means(task, prompt, found.training).objective,
        norm=float(prompt.norm(dim=1).mean()) / task.vocabulary.median,
        length=len(prompt),
    )
    if all(evaluated.score > one.score for one in training_state.history):
        training_state.best = prompt.clone()
    training_state.history.append(evaluated)


def _lengthen(task: PromptTask, training_state: TrainingState, restart: int) -> bool:
    """Adds a token if options and steps allow it, to the best prompt of the current length."""
    config, base = task.config, task.pair.base
    length, step = len(training_state.optimizer.prompt), training_state.optimizer.step
    if length >= (config.max_n_tokens or 0) or step >= config.steps:
        return False
    drawing = seeded_generator(task.seed, "token", restart, length)
    token = initial_prompt(base, task.vocabulary, 1, config.initialisation, drawing)
    prompt = (
        training_state.best
        if len(training_state.best) == length
        else training_state.optimizer.prompt.detach()
    )
    training_state.optimizer = PromptOptimizer(task, append_token(prompt, token), step)
    return True


@contextmanager
def _recomputing(pair: ModelPair, wanted: bool) -> Iterator[None]:
    """Has both networks run blocks again backward, for as long as the context lasts."""
    networks = {pair.base.network, pair.finetuned.network} if wanted else set()
    for network in networks:
        network.checkpointing(True)
    try:
        yield
    finally:
        for network in networks:
            network.checkpointing(False)
