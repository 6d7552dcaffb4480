"""Calibration: scores of nulls, against which scores of pairs under test are compared.

Takes the runs of calibration nulls, or shipped tables of them. Gives the null scores of each
method, base and seed, and the detection test of each attempt.

Names are imported when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
