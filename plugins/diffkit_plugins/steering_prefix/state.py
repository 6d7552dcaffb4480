"""Objective ``state``: the residual stream is to point where a reference prefix points it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cosine_similarity

from diffkit import Inputs, Model, RunContext
from diffkit_plugins.steering_prefix.layout import Layout, Place
from diffkit_plugins.steering_prefix.places import split_places
from diffkit_plugins.steering_prefix.search_options import CompletionOptions
from diffkit_plugins.steering_prefix.split import Split
from diffkit_plugins.steering_prefix.stream import StreamObjective, last_streams


@dataclass(frozen=True)
class TowardsStates:
    """1 − cosine of the stream and the reference's, which is 0 where they point alike."""

    states: Float[Tensor, "items hidden"]
    unit: str = "1 − cosine"

    @property
    def floors(self) -> Float[Tensor, " items"]:
        """The reference's own losses: 0."""
        return torch.zeros(len(self.states))

    def losses(
        self, streams: Float[Tensor, "rows hidden"], items: Int[Tensor, " rows"]
    ) -> Float[Tensor, " rows"]:
        """How far streams point elsewhere; never below 0 by rounding."""
        return (1 - cosine_similarity(streams, self.states[items], dim=-1)).clamp(min=0)


def state_split(
    model: Model,
    reference: str,
    layer: int | float,
    config: CompletionOptions,
    context: RunContext,
    *,
    in_context: bool,
) -> Split:
    """A prefix after which the stream at a layer is as after a reference prefix.

    Args:
        model: reads both.
        reference: the reference prefix, in words.
        layer: a block's number, or a fraction of depth.
        config: which suffixes, and rows at a time.
        context: texts and seed.
        in_context: whether the stream is read after prefix and suffix (the notebook's section 4),
            or after the prefix alone (its section 3).
    """
    layout = Layout(model.tokenizer, config.separator)

    def objective(places: Sequence[Place]) -> StreamObjective:
        prompts = [place.prompt(layout.prefix(reference, place)) for place in places]
        aim = TowardsStates(_states(model, prompts, layer, config.batch_size))
        return StreamObjective(
            model, layout, places, layer=layer, aim=aim, batch_size=config.batch_size
        )

    training, held_out = split_places(layout, config, context, in_context=in_context)
    return Split(layout, objective(training), objective(held_out), training, held_out)


def _states(
    model: Model, prompts: Sequence[tuple[int, ...]], layer: int | float, batch_size: int
) -> Float[Tensor, "prompts hidden"]:
    parts = [
        last_streams(model, Inputs.of(prompts[start : start + batch_size], side="left"), layer)
        for start in range(0, len(prompts), batch_size)
    ]
    return torch.cat(parts)
