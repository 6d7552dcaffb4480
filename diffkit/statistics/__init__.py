"""Statistics: intervals, tests, and words that are typical of some texts, with their sources.

Takes counts, scores or texts. Gives intervals, p-values and scores of words; the same numbers and
seed give the same result.
"""

from diffkit.statistics.intervals import (
    Interval,
    Share,
    cluster_interval,
    format_share,
    paired_interval,
    share,
    wilson,
)
from diffkit.statistics.p_values import (
    conformal_p,
    holm,
    joint_p,
    matching_p,
    mcnemar_p,
    sign_flip_p,
    student_t_p,
)
from diffkit.statistics.power import mcnemar_power, truths_needed
from diffkit.statistics.words import content_words, log_odds, word_counts

__all__ = [
    "Interval",
    "Share",
    "cluster_interval",
    "conformal_p",
    "content_words",
    "format_share",
    "holm",
    "joint_p",
    "log_odds",
    "matching_p",
    "mcnemar_p",
    "mcnemar_power",
    "paired_interval",
    "share",
    "sign_flip_p",
    "student_t_p",
    "truths_needed",
    "wilson",
    "word_counts",
]
