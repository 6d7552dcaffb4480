"""Options of steering-prefix; nothing here imports torch."""

from typing import Literal

from diffkit_plugins.steering_prefix.search_options import CompletionOptions


class SteeringPrefixConfig(CompletionOptions):
    """Which side is to be explained by a prefix, and how the prefix is searched for."""

    objective: Literal["explain", "mirror"] = "explain"
    """``explain``: the base with the prefix gives what the finetuned side gives without it.
    ``mirror``: the finetuned side with the prefix gives what the base gives without it."""
    human: tuple[str, ...] = ()
    """Prefixes of your own, for the tables."""
