"""Expression: whether organisms show the behaviour that they were trained for.

Takes organisms with probes. Gives the share of probes that show the behaviour on both sides, and
refuses organisms that fail.

Names are imported when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
