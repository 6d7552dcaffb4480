"""Attempts: what investigators are given, and the verdicts that they return.

Takes planned runs with their findings. Gives a stored attempt for each run, arm, investigator and
repeat.

Names are imported when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
