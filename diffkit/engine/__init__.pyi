"""The names of the model engine; `diffkit/engine/__init__.py` imports each when first used."""

from .architectures import Architecture, register_architecture
from .inputs import Inputs
from .loading.loader import NetworkCache, detect_kind, load_model, load_pair
from .model import Model
from .pair import ModelPair
from .pair_loss import PairedGradient, PairLoss, pair_loss, paired_gradient
from .weight_changes.differences import TruncatedSVD, WeightDelta

__all__ = [
    "Architecture",
    "Inputs",
    "Model",
    "ModelPair",
    "NetworkCache",
    "PairLoss",
    "PairedGradient",
    "TruncatedSVD",
    "WeightDelta",
    "detect_kind",
    "load_model",
    "load_pair",
    "pair_loss",
    "paired_gradient",
    "register_architecture",
]
