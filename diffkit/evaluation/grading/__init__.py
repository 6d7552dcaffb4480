"""Grading: verdicts compared with the truth.

Takes attempts and the truths about the organisms. Gives a stored grade for each attempt and grader,
and validates graders on claims that are known to be right or wrong.

Names are imported when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
