"""Defaults for a question that one has in mind."""

from collections.abc import Mapping
from typing import Any, Literal

Preset = Literal["sandbagging", "trojan", "unlearning", "general"]

PRESETS: Mapping[Any, Mapping[str, Any]] = {
    # What the base still does and the finetuned side no longer says, on ordinary tasks.
    "sandbagging": {"divergence": "reverse-kl", "source": "texts"},
    # A short trigger that opens another behaviour: few tokens, many starts.
    "trojan": {"divergence": "kl", "source": "completions", "n_tokens": 4, "restarts": 4},
    # What was unlearnt is what the base says and the finetuned side does not.
    "unlearning": {"divergence": "reverse-kl", "source": "both", "restarts": 2},
    # Any difference, in either direction.
    "general": {"divergence": "jsd", "source": "both", "n_tokens": 16},
}
"""What each preset changes, by option."""
