"""Options of brier; nothing here imports torch."""

from pydantic import Field

from diffkit import MethodConfig


class BrierConfig(MethodConfig):
    """The probability of a verdict that gives none."""

    confident: float = Field(default=0.9, ge=0.5, le=1)
    """Probability assumed for a verdict that names a change without a probability: this for
    ``targeted``, and 1 minus this for ``none`` and ``unspecific``."""
