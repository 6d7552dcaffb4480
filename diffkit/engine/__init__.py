"""The model engine: loads a base and its finetuned descendant, reads both, and makes controls.

Names are imported when first used, so that ``diffkit.engine.weights`` (content hashes of model
folders) works without torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

# ruff: noqa: F401 - a type checker reads these; everything else goes through __getattr__
if TYPE_CHECKING:
    from diffkit.engine.architectures import Architecture, register_architecture
    from diffkit.engine.deltas import Singular, WeightDelta
    from diffkit.engine.gradients import PairedGradient, paired_gradient
    from diffkit.engine.inputs import Inputs
    from diffkit.engine.load import Networks, load_pair, recognise
    from diffkit.engine.model import Model
    from diffkit.engine.pair import ModelPair

_HOMES = {
    "architectures": ("Architecture", "register_architecture"),
    "deltas": ("Singular", "WeightDelta"),
    "gradients": ("PairedGradient", "paired_gradient"),
    "inputs": ("Inputs",),
    "load": ("Networks", "load_pair", "recognise"),
    "model": ("Model",),
    "pair": ("ModelPair",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)  # noqa: PLE0605 - one table serves the export and the lookup


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        msg = f"module 'diffkit.engine' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(f"diffkit.engine.{_HOME[name]}"), name)
