"""What a prefix is searched with, and what is held out."""

from dataclasses import dataclass

from diffkit_plugins.steering_prefix.layout import Layout, Place
from diffkit_plugins.steering_prefix.objective import Objective


@dataclass(frozen=True)
class Split:
    """Two objectives of one kind, where no completions of a reference are to be given."""

    layout: Layout
    """Writes prompts, and tokenises prefixes given in words."""
    training: Objective
    held_out: Objective
    """The same as in training where there is one item alone."""
    training_places: tuple[Place, ...]
    """Where prefixes stand, one for each item."""
    held_out_places: tuple[Place, ...]
    """The same."""
