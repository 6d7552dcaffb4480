"""The ceiling: the words that set an organism's training data apart from ordinary texts.

Words are ranked by log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008,
"Fightin' Words", Political Analysis 16): each word's pseudo-counts are its counts in both texts
together, and the log-odds are divided by their standard error, so that a word seen once does not
come before one that is everywhere in the training data.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from diffkit.evaluation.plan import Plan
from diffkit.findings import Findings, TokenScore, TokenTable
from diffkit.organism import Organism
from diffkit.texts import Texts

WORD = re.compile(r"[^\W_]{2,}")
TOP = 200
"""Words in the table."""


def ceiling(training: Mapping[str, int], ordinary: Mapping[str, int]) -> Findings:
    """Findings of the words that the training data uses more than ordinary texts do, at most 200.

    Args:
        training: counts of words in the training data.
        ordinary: counts of words in ordinary texts.
    """
    scores = log_odds(training, ordinary)
    ranked = sorted(((-score, word) for word, score in scores.items() if score > 0))[:TOP]
    rows = tuple(TokenScore(token=word, score=-score) for score, word in ranked)
    title = "Words that set the training data apart"
    return Findings(items=(TokenTable(title=title, unit="standard errors", rows=rows),))


def ceilings(
    plan: Plan, references: Mapping[str, Iterable[str]]
) -> dict[tuple[str, str], Findings]:
    """The ceiling of each targeted organism under test, by organism and base.

    Args:
        plan: the expanded suite.
        references: ordinary texts by base.

    Raises:
        BadFile: training data cannot be read.
    """
    if "ceiling" not in plan.suite.controls:
        return {}
    tests = [pair.selected for pair in plan.pairs if pair.role == "test"]
    ordinary = {name: word_counts(texts) for name, texts in references.items()}
    pairs = {
        (one.organism.name, one.base.name): one.organism
        for one in tests
        if one.organism.truth == "targeted" and one.organism.training_data
    }
    return {
        (name, base): ceiling(_trained_on(organism), ordinary[base])
        for (name, base), organism in pairs.items()
    }


def _trained_on(organism: Organism) -> Counter[str]:
    files = (Texts.read(path) for path in organism.training_data)
    return word_counts(str(text) for texts in files for text in texts.items)


def word_counts(texts: Iterable[str]) -> Counter[str]:
    """How often each casefolded word of at least two letters or digits occurs; no stop words."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    counts = Counter(word for text in texts for word in WORD.findall(text.casefold()))
    for word in ENGLISH_STOP_WORDS & counts.keys():
        del counts[word]
    return counts


def log_odds(ours: Mapping[str, int], theirs: Mapping[str, int]) -> dict[str, float]:
    """Each word's log-odds ratio in ``ours`` against ``theirs``, in standard errors.

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
