"""Random directions where the residual stream varies."""

from collections.abc import Iterator

import torch

from diffkit import ModelPair, Texts
from diffkit_evaluators.graders.finetuning_loss.config import FinetuningLossConfig
from diffkit_evaluators.graders.finetuning_loss.directions import Bases, orthonormal

_TEXTS = 16


def random_bases(
    pair: ModelPair, like: Bases, texts: Texts, config: FinetuningLossConfig
) -> Iterator[Bases]:
    """Sets of random directions in the same layers, as many in each.

    A direction lies between the base's streams at two random tokens: one that is random in all
    coordinates alike hardly touches the stream of a wide model.

    Args:
        pair: both sides.
        like: what the sets are held against.
        texts: whose tokens are drawn; they have at least one.
        config: how many sets there are, and their seed.
    """
    inputs = pair.base.inputs(texts.items[:_TEXTS], max_tokens=config.max_tokens)
    streams = pair.base.resid(inputs, list(like))
    at_tokens = streams[:, inputs.mask.to(streams.device)].float().cpu()
    generator = torch.Generator().manual_seed(config.seed)
    for _ in range(config.controls):
        drawn = dict[int, torch.Tensor]()
        for (layer, basis), stream in zip(like.items(), at_tokens, strict=True):
            ends = torch.randint(len(stream), (2, len(basis)), generator=generator)
            between = (stream[ends[0]] - stream[ends[1]]).double()
            between = between[between.any(dim=1)]
            if len(between):
                drawn[layer] = orthonormal(between)
        yield drawn
