"""Trains soft prompts, from one start after another."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from jaxtyping import Float
from torch import Tensor

from diffkit import ModelPair, RunContext
from diffkit_plugins.soft_prompt_kl.chance import chance
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.growth import lengthened, stale
from diffkit_plugins.soft_prompt_kl.levels import levels
from diffkit_plugins.soft_prompt_kl.passages import Data
from diffkit_plugins.soft_prompt_kl.problem import Problem, problem_of
from diffkit_plugins.soft_prompt_kl.prompt import start, start_of_text
from diffkit_plugins.soft_prompt_kl.resume import Climb, load, save
from diffkit_plugins.soft_prompt_kl.rounds import Round, batches, draw
from diffkit_plugins.soft_prompt_kl.steps import Ascent
from diffkit_plugins.soft_prompt_kl.trained import Evaluated, Trained, Training


def train(pair: ModelPair, config: SoftPromptKLConfig, context: RunContext, data: Data) -> Trained:
    """Trains a soft prompt from each start, going on where an interrupted run was.

    Each round draws completions under the prompt as it is, measures what is held out, and takes
    steps on the rest. That the prompt also shapes what is said is left out of the gradient: a
    completion is taken as it came.

    Args:
        pair: both sides; neither's weights change.
        config: the options.
        context: seed, checkpoints, and where progress is shown.
        data: what is trained on, and what is held out.

    Raises:
        UserError: there is no such divergence, one's own is at fault, or the text that it is to
            start from has no tokens.
    """
    problem = problem_of(pair, config, data, context.seed)
    saved = load(context.checkpoints, problem)
    ended, under_way = list(saved.ended), saved.under_way
    with _recomputing(pair, config.checkpointing):
        for restart in range(len(ended), config.restarts):
            climb = under_way or _begun(problem, restart)
            under_way = None
            ended.append(_climbed(problem, climb, context, ended))
            save(context.checkpoints, ended, None)
    return Trained(tuple(ended))


def _begun(problem: Problem, restart: int) -> Climb:
    ascent = Ascent(problem, _start(problem, restart))
    return Climb(ascent, ascent.prompt.detach().clone())


def _start(problem: Problem, restart: int) -> Float[Tensor, "length hidden"]:
    config, drawing = problem.config, chance(problem.seed, "start", restart)
    base, vocabulary, text = problem.pair.base, problem.vocabulary, config.initial_text
    if text is not None and restart == 0:  # from the same text others would go the same way
        return start_of_text(base, vocabulary, config.n_tokens, text)
    return start(base, vocabulary, config.n_tokens, config.initialisation, drawing)


def _climbed(
    problem: Problem, climb: Climb, context: RunContext, ended: list[Training]
) -> Training:
    config, restart, stopped = problem.config, len(ended), "steps"
    every = config.evaluate_every
    rounds = [*range(0, config.steps, every), config.steps]
    left = [step for step in rounds if step >= climb.ascent.step]
    total, done = len(rounds), len(rounds) - len(left)
    label = f"training {restart + 1} of {config.restarts}"
    for step in context.progress(left, label=label, total=total, done=done):
        if step:
            save(context.checkpoints, ended, climb)
        found = draw(problem, climb.ascent.prompt.detach(), restart * (config.steps + 1) + step)
        _evaluate(problem, climb, found)
        context.tell(f"best score {max(one.score for one in climb.history):.3f}")
        if stale(climb.history) >= config.patience and not _grown(problem, climb, restart):
            stopped = "patience"
            break
        key = (problem.seed, "batches", restart, step)
        for passages in islice(
            batches(found.training, config.batch, *key), min(every, config.steps - step)
        ):
            climb.ascent.advance(passages)
    return Training(climb.best, climb.ascent.prompt.detach(), tuple(climb.history), stopped)


def _evaluate(problem: Problem, climb: Climb, found: Round) -> None:
    ascent, prompt = climb.ascent, climb.ascent.prompt.detach()
    reached = levels(problem, prompt, found.held_out)
    evaluated = Evaluated(
        step=ascent.step,
        divergence=reached.divergence,
        moved=reached.moved,
        score=reached.divergence - problem.config.anchor * reached.moved,
        training=ascent.objective.take()
        if ascent.objective.count
        else levels(problem, prompt, found.training).objective,
        norm=float(prompt.norm(dim=1).mean()) / problem.vocabulary.median,
        length=len(prompt),
    )
    if all(evaluated.score > one.score for one in climb.history):
        climb.best = prompt.clone()
    climb.history.append(evaluated)


def _grown(problem: Problem, climb: Climb, restart: int) -> bool:
    """Goes on with a token more, if it may and steps are left; from the best where it can."""
    config, base = problem.config, problem.pair.base
    length, step = len(climb.ascent.prompt), climb.ascent.step
    if length >= (config.max_n_tokens or 0) or step >= config.steps:
        return False
    drawing = chance(problem.seed, "token", restart, length)
    token = start(base, problem.vocabulary, 1, config.initialisation, drawing)
    prompt = climb.best if len(climb.best) == length else climb.ascent.prompt.detach()
    climb.ascent = Ascent(problem, lengthened(prompt, token), step)
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
