"""Statistics: intervals, tests, and words that set texts apart, each with its source."""

from diffkit.statistics.bootstrap import cluster_interval, paired_interval
from diffkit.statistics.intervals import Interval, conformal_p, wilson
from diffkit.statistics.mcnemar import mcnemar_p
from diffkit.statistics.permutation import holm, matching_p, sign_flip_p
from diffkit.statistics.power import mcnemar_power, truths_needed
from diffkit.statistics.words import content_words, log_odds, word_counts

__all__ = [
    "Interval",
    "cluster_interval",
    "conformal_p",
    "content_words",
    "holm",
    "log_odds",
    "matching_p",
    "mcnemar_p",
    "mcnemar_power",
    "paired_interval",
    "sign_flip_p",
    "truths_needed",
    "wilson",
    "word_counts",
]
