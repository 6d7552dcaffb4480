"""Words of texts, and words that are more frequent in some texts than in others."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

_WORD = re.compile(r"[^\W_]{2,}")


def content_words(text: str) -> Iterator[str]:
    """The casefolded words of ``text`` with at least two characters, without stop words."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    words = _WORD.findall(text.casefold())
    return (word for word in words if word not in ENGLISH_STOP_WORDS)


def word_counts(texts: Iterable[str]) -> Counter[str]:
    """Counts of content words in ``texts``."""
    return Counter(word for text in texts for word in content_words(text))


def log_odds(ours: Mapping[str, int], theirs: Mapping[str, int]) -> dict[str, float]:
    """Each word's log-odds ratio in ``ours`` against ``theirs``, in standard errors.

    With an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, "Fightin' Words",
    Political Analysis 16): the pseudo-counts of a word are its counts in both together, and the
    log-odds are divided by their standard error, so that rare words do not rank above frequent
    ones.

    Args:
        ours: counts of words; their more frequent words have a positive score.
        theirs: counts of words in the other texts.
    """
    prior = Counter(ours) + Counter(theirs)
    total, mine, others = prior.total(), sum(ours.values()), sum(theirs.values())
    scores = {}
    for word, known in prior.items():
        if known == total:
            continue  # the only word: its odds are not defined
        first, second = ours.get(word, 0) + known, theirs.get(word, 0) + known
        difference = math.log(first / (mine + total - first))
        difference -= math.log(second / (others + total - second))
        scores[word] = difference / math.sqrt(1 / first + 1 / second)
    return scores
