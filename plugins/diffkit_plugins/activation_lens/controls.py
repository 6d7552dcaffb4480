"""Random directions where the residual stream varies."""

import torch

from diffkit import ModelPair, RunContext
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.direction import Direction


def random_differences(
    pair: ModelPair, like: Direction, config: ActivationLensConfig, context: RunContext
) -> list[Direction]:
    """Directions between the base's residual streams at two random tokens of its texts.

    They lie where the stream varies, as the mean difference does: a direction that is random in
    all coordinates alike hardly touches the stream of a wide model.

    Args:
        pair: both sides.
        like: whose layer and norm they have.
        config: how many there are.
        context: texts and seed.
    """
    generator = torch.Generator().manual_seed(context.seed)
    count, items = 2 * config.controls, context.texts.items
    places = torch.randint(len(items), (count,), generator=generator).tolist()
    draws = torch.rand(count, generator=generator, dtype=torch.float64)
    inputs = pair.base.inputs([items[place] for place in places], max_tokens=config.max_tokens)
    lengths = inputs.mask.sum(dim=1)
    columns = (draws * lengths).long()
    stream = pair.base.resid(inputs, [like.layer])[0]
    ends = stream[range(count), columns.to(stream.device)].double().cpu()[lengths > 0]
    half = len(ends) // 2
    differences = ends[:half] - ends[half : 2 * half]
    norms = differences.norm(dim=1, keepdim=True)
    units = (differences / norms)[norms[:, 0] > 0]
    return [Direction("random", like.layer, unit, like.norm) for unit in units]
