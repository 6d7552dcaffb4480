"""The model engine: loads a base and its finetuned descendant, reads both, and makes controls.

Names are imported when first used, so that ``diffkit.engine.weights`` (content hashes of model
folders) works without torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
