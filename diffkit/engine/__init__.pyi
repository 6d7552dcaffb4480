"""The names of the model engine; `diffkit/engine/__init__.py` imports each when first used."""

from .architectures import Architecture, register_architecture
from .deltas import Singular, WeightDelta
from .fused import PairLoss, pair_loss
from .gradients import PairedGradient, paired_gradient
from .inputs import Inputs
from .load import Networks, load_model, load_pair, recognise
from .model import Model
from .pair import ModelPair

__all__ = [
    "Architecture",
    "Inputs",
    "Model",
    "ModelPair",
    "Networks",
    "PairLoss",
    "PairedGradient",
    "Singular",
    "WeightDelta",
    "load_model",
    "load_pair",
    "pair_loss",
    "paired_gradient",
    "recognise",
    "register_architecture",
]
