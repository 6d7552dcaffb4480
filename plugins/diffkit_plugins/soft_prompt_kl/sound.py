"""Divergences of a user's own, seen to be numbers with a gradient."""

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import ModelPair, UserError
from diffkit.maths import DIVERGENCES, Divergence, divergence
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig

_CURE = "Mend the function, then run again."


def sound_divergence(config: SoftPromptKLConfig) -> Divergence:
    """The divergence that is trained; a user's own tells of its faults when it is called.

    Raises:
        UserError: there is no such divergence; and when one's own is called, where a value under
            the cap is no finite number, or has no gradient.
    """
    found = divergence(config.divergence)
    return found if config.divergence in DIVERGENCES else _checked(config, found)


def _checked(config: SoftPromptKLConfig, own: Divergence) -> Divergence:
    name = str(config.divergence)

    def checked(
        log_p: Float[Tensor, "positions vocabulary"], log_q: Float[Tensor, "positions vocabulary"]
    ) -> Float[Tensor, " positions"]:
        values = own(log_p, log_q)
        # more than the cap, infinity too, counts as the cap
        wrong = int((~values.detach().clamp(max=config.cap).isfinite()).sum())
        if wrong:
            what = f"The divergence {name!r} gives no finite number at {wrong} of {len(values)}"
            raise UserError(f"{what} positions.", cure=_CURE)
        if torch.is_grad_enabled() and log_p.requires_grad and not values.requires_grad:
            what = f"The divergence {name!r} has no gradient: no prompt can be trained for it."
            raise UserError(what, cure="Compute it in torch, without no_grad, detach or item.")
        return values

    return checked


def refuse_gradient(config: SoftPromptKLConfig, pair: ModelPair, step: int) -> None:
    """A gradient that is no finite number is a fault of a divergence of the user's own.

    In float16 it is none: that format overflows. Nor is it told of those that ship, for which a
    step is left out.

    Args:
        config: the options.
        pair: both sides.
        step: steps taken, this one included.

    Raises:
        UserError: the divergence is the user's own, and steps are not in float16.
    """
    overflows = config.precision == "float16" or torch.float16 in (
        pair.base.dtype,
        pair.finetuned.dtype,
    )
    if config.divergence in DIVERGENCES or overflows:
        return
    name = str(config.divergence)
    what = f"The gradient of the divergence {name!r} is no finite number in step {step}."
    raise UserError(what, cure=_CURE)
