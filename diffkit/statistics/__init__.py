"""Statistics: intervals and tests, each with its source."""

from diffkit.statistics.intervals import Interval, conformal_p, wilson
from diffkit.statistics.permutation import holm, matching_p, sign_flip_p

__all__ = ["Interval", "conformal_p", "holm", "matching_p", "sign_flip_p", "wilson"]
