"""Evaluation: suites, attempts, grades and leaderboards.

Takes a suite: organisms, methods, investigators and graders. Makes the runs, gives their findings
to investigators (attempts), compares the verdicts with the truth (grading), records all of it in
the store, and builds leaderboards from the records.

Names are imported when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
