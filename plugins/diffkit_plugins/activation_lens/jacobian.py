"""The Jacobian lens: what a small step along a direction adds to the last block's stream."""

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Inputs, Model, ModelPair, RunContext
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.direction import Direction
from diffkit_plugins.activation_lens.lens import lens


def carried(
    pair: ModelPair, direction: Direction, config: ActivationLensConfig, context: RunContext
) -> Float[Tensor, " hidden"]:
    """J u with J = E[Σ_s ∂h_last(t) / ∂h(s)], u the direction, by central differences.

    The expectation is over the texts' tokens t, the sum over the tokens s up to each: the step is
    taken at all of them, as a bias would be. Two passes do it, whatever the width.

    Args:
        pair: the finetuned side's Jacobian is taken.
        direction: the direction, and the block after which it is added.
        config: how many texts, and how long.
        context: the texts.

    Returns:
        The mean step of the last block's stream for a step of norm 1, float64.
    """
    step = torch.finfo(pair.finetuned.dtype).eps ** (1 / 3)  # bending and rounding err alike
    texts = context.texts.first(config.jacobian_texts)
    total, tokens = torch.zeros(pair.finetuned.hidden, dtype=torch.float64), 0
    for numbers in texts.batches(config.batch_size):
        batch = [texts.items[number] for number in numbers]
        inputs = pair.base.inputs(batch, max_tokens=config.max_tokens)
        there, back = (_last(pair.finetuned, inputs, direction, sign * step) for sign in (1, -1))
        total += there - back
        tokens += int(inputs.mask.sum())
    mean: Tensor = total / (2 * step * direction.norm * max(tokens, 1))
    return mean


def _last(
    side: Model, inputs: Inputs, direction: Direction, step: float
) -> Float[Tensor, " hidden"]:
    """The last block's stream after a step, summed over all tokens, float64."""
    added = direction.vector(step, side)
    with side.edit(direction.layer, lambda stream: stream + added):
        stream = side.resid(inputs, [side.layers - 1])[0]
    return stream[inputs.mask.to(stream.device)].sum(dim=0, dtype=torch.float64).cpu()


def jacobian_lens(
    pair: ModelPair, direction: Direction, config: ActivationLensConfig, context: RunContext
) -> Float[Tensor, " vocabulary"]:
    """Logits of J u, brought to the stream's typical norm, less the vocabulary's mean."""
    step = carried(pair, direction, config, context)
    length = step.norm().clamp(min=1e-300)
    return lens(pair.finetuned, step * (direction.norm / length), pair.vocabulary)
