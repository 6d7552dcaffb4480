"""The model engine: loads a base and its finetuned descendant and reads both.

In: sources of weights, texts and token ids. Out: a `ModelPair` whose sides give logits, hidden
states, gradients, completions and weight differences; and random controls.

Names are imported when they are first used, so that ``diffkit.engine.loading.model_files``
(content hashes of model folders) works without torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
