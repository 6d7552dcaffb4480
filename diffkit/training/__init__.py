"""Trains base models and finetunings from recipes, so that organisms can be made again.

Reading recipes loads no torch; `train` loads it on use.
"""

import importlib
from typing import TYPE_CHECKING

from diffkit.training.recipe import Recipe, read_recipe

if TYPE_CHECKING:
    from diffkit.training.trainer import Trained, train

__all__ = ["Recipe", "Trained", "read_recipe", "train"]


def __getattr__(name: str) -> object:
    if name in {"Trained", "train"}:
        return getattr(importlib.import_module("diffkit.training.trainer"), name)
    msg = f"module 'diffkit.training' has no attribute {name!r}"
    raise AttributeError(msg)
