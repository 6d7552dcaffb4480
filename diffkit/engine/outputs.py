"""What one forward pass puts out, at the positions that are kept."""

from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit.engine.inputs import Inputs

if TYPE_CHECKING:
    from diffkit.engine.model import Model


def logits_of(
    model: "Model", inputs: Inputs, keep: int | slice | None
) -> Float[Tensor, "batch kept rows"]:
    """Logits, as `Model.logits` describes them."""
    inputs = inputs.to(model.device)
    kept = _kept(inputs, keep)
    with model.active(gradients=inputs.differentiable) as module:
        if model.network.keeps_few:
            read: Tensor = module(**arguments(inputs), logits_to_keep=kept).logits
            return read
        full: Tensor = module(**arguments(inputs)).logits
        return full[:, kept]


def states_of(
    model: "Model", inputs: Inputs, keep: int | slice | None
) -> Float[Tensor, "batch kept hidden"]:
    """What the unembedding reads, as `Model.states` describes it."""
    inputs = inputs.to(model.device)
    with model.active(gradients=inputs.differentiable) as module:
        body: Any = module.base_model  # the transformer without its unembedding
        read: Tensor = body(**arguments(inputs)).last_hidden_state
        return read[:, _kept(inputs, keep)]


def arguments(inputs: Inputs) -> dict[str, Any]:
    """What transformers calls the parts of a batch."""
    given = {"input_ids": inputs.ids} if inputs.embeds is None else {"inputs_embeds": inputs.embeds}
    return {
        **given,
        "attention_mask": inputs.mask.long(),
        "position_ids": inputs.positions,
        "use_cache": False,
    }


def _kept(inputs: Inputs, keep: int | slice | None) -> Int[Tensor, " kept"]:
    places = torch.arange(inputs.mask.shape[1], device=inputs.mask.device)
    if isinstance(keep, int):
        keep = slice(max(len(places) - keep, 0), None)
    return places if keep is None else places[keep]
