"""The investigator."""

from collections import Counter
from collections.abc import Iterator

from diffkit import (
    AttemptContext,
    Case,
    Detection,
    Evidence,
    Finding,
    Investigator,
    NullTest,
    Samples,
    Table,
    TokenTable,
    TokenTrace,
    Verdict,
)
from diffkit.statistics import content_words
from diffkit_consensus.config import ConsensusConfig


class Consensus(Investigator[ConsensusConfig]):
    """Claims words that occur in several findings, of one method or of several.

    A word in one table may be an accident of that table. A word that a token table, a trace and a
    completion share is less likely to be one.
    """

    def investigate(self, case: Case, config: ConsensusConfig, context: AttemptContext) -> Verdict:
        """Counts the words of all findings, and tests the change score of a single method."""
        del context
        claim = " ".join(shared_words(case, config)) or None
        if len(case.evidence) != 1:  # scores of several methods are not comparable
            return Verdict(change="unsure", claim=claim)
        detection = detect(case.evidence[0], config.alpha)
        if detection.p is None or not detection.testable:
            return Verdict(change="unsure", claim=claim, detection=detection)
        change = "targeted" if detection.p <= config.alpha else "unspecific"
        return Verdict(change=change, claim=claim, detection=detection)


def shared_words(case: Case, config: ConsensusConfig) -> list[str]:
    """Words in at least ``support`` findings: most findings first, then in order of appearance."""
    counts: Counter[str] = Counter()
    for evidence in case.evidence:
        for item in evidence.findings.items:
            words = (word for text in texts_of(item) for word in content_words(text))
            counts.update(list(dict.fromkeys(words)))  # each word once for a finding
    common = [word for word, count in counts.most_common() if count >= config.support]
    return common[: config.words]


def texts_of(item: Finding) -> Iterator[str]:
    """Texts of a finding that say something of the finetuned model, and not of the prompts."""
    match item:
        case TokenTable():
            yield from (row.token for row in item.rows)
        case TokenTrace():
            yield from (one.token for token in item.tokens for one in token.finetuned)
        case Samples():
            yield from (row.finetuned for row in item.rows)
        case Table():
            yield from item.texts
        case _:
            return


def detect(evidence: Evidence, alpha: float) -> Detection:
    """Tests the change score against each null type; the largest p-value decides."""
    score = evidence.findings.change_score
    return Detection.of(
        {null.rung: NullTest.of(score, null.scores) for null in evidence.nulls}, alpha
    )
