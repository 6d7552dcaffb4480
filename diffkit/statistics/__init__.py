"""Statistics: intervals and tests, each with its source."""

from diffkit.statistics.intervals import Interval, conformal_p, wilson

__all__ = ["Interval", "conformal_p", "wilson"]
