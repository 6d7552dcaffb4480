"""The ceiling: the words that set an organism's training data apart from ordinary texts."""

from collections.abc import Iterable, Mapping

from diffkit.evaluation.plan import Plan
from diffkit.evaluation.training import training_texts
from diffkit.findings import Findings, TokenScore, TokenTable
from diffkit.statistics import log_odds, word_counts

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
        (name, base): ceiling(word_counts(map(str, training_texts(organism))), ordinary[base])
        for (name, base), organism in pairs.items()
    }
