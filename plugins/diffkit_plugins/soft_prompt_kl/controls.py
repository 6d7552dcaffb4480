"""Prompts that are trained for random changes of the base, to see what chance gives."""

from dataclasses import replace
from math import exp, log

from diffkit import ModelPair, RunContext, Texts, drift
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.contexts import data
from diffkit_plugins.soft_prompt_kl.measure import FRESH, advantage
from diffkit_plugins.soft_prompt_kl.prompt_file import load
from diffkit_plugins.soft_prompt_kl.training import train

TEXTS = 40
"""Texts of the suite on which mean KLs are compared."""
CLOSE = 0.05
"""Difference of logarithms at which a control's mean KL is near enough to the pair's."""
ROUNDS = 12
"""Times at most that a scale is corrected from that of the one before."""
FAR = 0.01
"""Share of the pair's mean KL that smaller ones, such as a bfloat16's 0, count as."""


def controls(pair: ModelPair, config: SoftPromptKLConfig, context: RunContext) -> tuple[float, ...]:
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
    scale = matching_scale(pair, context.texts.first(TEXTS), seed)
    with pair.control(seed, scale) as control:
        given = data(control, config, own)
        prompt = (
            train(control, config, own, given).best.best
            if config.prompt is None
            else load(config.prompt, control)
        )
        return advantage(control, config, prompt, given.held_out, context.seed + FRESH).score


def matching_scale(pair: ModelPair, texts: Texts, seed: int) -> float:
    """Factor on the norms of a random change that gives it the pair's mean KL on ``texts``.

    Secants in logarithms: the mean KL goes as the square of small factors, and faster later.

    Args:
        pair: both sides; where they do not differ on the texts, the factor is 0.
        texts: what mean KLs are taken on.
        seed: seed of the change.
    """
    wanted = drift(pair, texts)
    if wanted == 0:
        return 0.0
    x, slope, before = 0.0, 2.0, None
    for _ in range(ROUNDS):
        with pair.control(seed, exp(x)) as control:
            reached = drift(control, texts)
        y = log(max(reached / wanted, FAR))
        if abs(y) <= CLOSE:
            break
        if before is not None and before[0] != x:
            slope = min(max((y - before[1]) / (x - before[0]), 1.0), 10.0)
        before, x = (x, y), x - y / slope
    return exp(x)
