"""Words of texts: which there are, and which set some texts apart from others."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

_WORD = re.compile(r"[^\W_]{2,}")


def content_words(text: str) -> Iterator[str]:
    """The words of ``text`` in its order: casefolded, of two letters or digits, no stop words."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    words = _WORD.findall(text.casefold())
    return (word for word in words if word not in ENGLISH_STOP_WORDS)


def word_counts(texts: Iterable[str]) -> Counter[str]:
    """How often each content word occurs in ``texts``."""
    return Counter(word for text in texts for word in content_words(text))


def log_odds(ours: Mapping[str, int], theirs: Mapping[str, int]) -> dict[str, float]:
    """Each word's log-odds ratio in ``ours`` against ``theirs``, in standard errors.

    With an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, "Fightin' Words",
    Political Analysis 16): each word's pseudo-counts are its counts in both together, and the
    log-odds are divided by their standard error, so that a word seen once does not come before one
    that is everywhere.

    Args:
        ours: counts of words; above 0 are words that these use more.
        theirs: counts of words.
    """
    prior = Counter(ours) + Counter(theirs)
    total, mine, others = prior.total(), sum(ours.values()), sum(theirs.values())
    scores = {}
    for word, known in prior.items():
        if known == total:
            continue  # the only word there is: its odds are no number
        first, second = ours.get(word, 0) + known, theirs.get(word, 0) + known
        difference = math.log(first / (mine + total - first))
        difference -= math.log(second / (others + total - second))
        scores[word] = difference / math.sqrt(1 / first + 1 / second)
    return scores
