"""Prompts that are trained for random changes of the base, to see what chance gives."""

from dataclasses import replace
from functools import partial

from diffkit import ModelPair, RunContext, Texts, drift, matching_scale
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.contexts import data
from diffkit_plugins.soft_prompt_kl.measure import FRESH, advantage
from diffkit_plugins.soft_prompt_kl.prompt_file import load
from diffkit_plugins.soft_prompt_kl.training import train

TEXTS = 40
"""Texts of the suite on which mean KLs are compared."""


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
    texts = context.texts.first(TEXTS)
    scale = matching_scale(partial(_drift, pair, texts, seed), drift(pair, texts))
    with pair.control(seed, scale) as control:
        given = data(control, config, own)
        prompt = (
            train(control, config, own, given).best.best
            if config.prompt is None
            else load(config.prompt, control)
        )
        return advantage(control, config, prompt, given.held_out, context.seed + FRESH).score


def _drift(pair: ModelPair, texts: Texts, seed: int, scale: float) -> float:
    with pair.control(seed, scale) as control:
        return drift(control, texts)
