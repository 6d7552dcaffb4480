"""What a scan reads of each text."""

from dataclasses import dataclass

from diffkit import Model
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.slot import Slot, slots_of


@dataclass(frozen=True)
class Plan:
    """Layers and slots whose means are taken, and layers that the differences are spread over."""

    layers: tuple[int, ...]
    """Numbers of the blocks after which the slots are read, from 0."""
    slots: tuple[Slot, ...]
    scored: tuple[int, ...] = ()
    """Numbers of the blocks whose concentration the change score is made of."""

    @classmethod
    def of(cls, side: Model, config: ActivationLensConfig) -> "Plan":
        """That of a run.

        Raises:
            UserError: there is no such layer.
        """
        layers, scored = (
            tuple(dict.fromkeys(side.numbers(given))) for given in (config.layers, config.scored)
        )
        return cls(layers, slots_of(config), scored)

    @property
    def blocks(self) -> tuple[int, ...]:
        """All blocks that are read, those of the slots first."""
        return tuple(dict.fromkeys((*self.layers, *self.scored)))
