"""How far a finetuning moves a model: the norm of its weights' change, and its mean KL."""

import math
from collections.abc import Callable

from diffkit.analysis import mean_kl
from diffkit.engine.pair import ModelPair
from diffkit.engine.weight_changes.differences import weight_deltas
from diffkit.engine.weight_changes.random_control import LOG_TOLERANCE, control_scale_for_kl
from diffkit.organism import Record
from diffkit.texts import Texts

BISECTIONS = 12
"""Greatest number of scales tried after the secant method has missed the wanted KL."""


class Loudness(Record):
    """How far a finetuning moves a model."""

    norm: float
    """Frobenius norm of the change of all weights."""
    kl: float
    """Mean KL(finetuned ‖ base) on neutral texts, in nats per token."""


def measure_loudness(pair: ModelPair, texts: Texts) -> Loudness:
    """Norm and mean KL of a pair.

    Raises:
        NonFinite: a weight or an output is NaN or infinite.
    """
    squares = (delta.norm() ** 2 for delta in weight_deltas(pair.base, pair.finetuned))
    return Loudness(norm=math.sqrt(sum(squares)), kl=mean_kl(pair, texts))


def matching_scale(
    loudness_at: Callable[[float], Loudness], wanted: float, start: float
) -> tuple[float, Loudness]:
    """The scale of a random change at which its mean KL is the wanted one, and its loudness there.

    The secant method first; where that does not end at the wanted KL, the interval between the
    nearest scales on both sides of it is halved.

    Args:
        loudness_at: loudness at a scale.
        wanted: the wanted mean KL, in nats per token; above 0.
        start: the first scale that is tried.

    Returns:
        The best of the scales that were tried; its KL may be another where none was right.

    Raises:
        UserError: the KL is not finite at some scale.
    """
    tried: dict[float, Loudness] = {}

    def miss(scale: float) -> float:
        return math.log(max(tried[scale].kl, 1e-12) / wanted)

    def kl_at(scale: float) -> float:
        tried[scale] = loudness_at(scale)
        return tried[scale].kl

    control_scale_for_kl(kl_at, wanted, start=start)
    for _ in range(BISECTIONS):
        below = [scale for scale in tried if miss(scale) < 0]
        above = [scale for scale in tried if miss(scale) >= 0]
        if min(abs(miss(scale)) for scale in tried) <= LOG_TOLERANCE or not (below and above):
            break
        kl_at(math.sqrt(max(below) * min(above)))
    best = min(tried, key=lambda scale: abs(miss(scale)))
    return best, tried[best]
