"""Leaderboards: rows of methods and controls with intervals and tests.

Takes an evaluation and the attempts, grades and runs that it refers to. Gives a `Leaderboard`.

Names are imported when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
