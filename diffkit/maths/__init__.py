"""Mathematics that methods share: divergences and streaming moments."""

from diffkit.maths.divergences import Divergences, token_contributions, token_divergences
from diffkit.maths.moments import LogHistogram, Moments, log_edges

__all__ = [
    "Divergences",
    "LogHistogram",
    "Moments",
    "log_edges",
    "token_contributions",
    "token_divergences",
]
