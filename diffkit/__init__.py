"""diffkit finds out what a finetuning did to a language model.

The public names are listed in ``__init__.pyi``. Each is imported when it is first used, so
``import diffkit`` loads neither torch nor transformers.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
