"""The investigator without a language model."""

from diffkit import AttemptContext, Case, Detection, Evidence, Investigator, NullTest, Verdict
from diffkit.statistics import conformal_p
from diffkit_evaluators.lineup.config import LineupInvestigatorConfig
from diffkit_evaluators.lineup.words import evidence_words, with_title


class LineupInvestigator(Investigator[LineupInvestigatorConfig]):
    """Tests the change score, and claims the words that the findings rank first."""

    def investigate(
        self, case: Case, config: LineupInvestigatorConfig, context: AttemptContext
    ) -> Verdict:
        """Says ``targeted`` where the change score passes the test on every null type.

        ``unsure`` where too few nulls exist for a test at level ``alpha``, and where the case has
        findings of several methods: the claim then takes words from each method in turn.
        """
        del context
        read = [with_title(one.findings, config.only) for one in case.evidence]
        claim = " ".join(evidence_words(read, config.words))
        if len(case.evidence) != 1:
            return Verdict(change="unsure", claim=claim or None)
        return _verdict_from_score(case.evidence[0], claim or None, config.alpha)


def _verdict_from_score(evidence: Evidence, claim: str | None, alpha: float) -> Verdict:
    """The verdict from the change score of one method."""
    detection = _detection(evidence, alpha)
    if evidence.findings.change_score == 0:
        return Verdict(change="none", claim=claim, detection=detection)
    if detection.p is None or not detection.testable:
        return Verdict(change="unsure", claim=claim, detection=detection)
    change = "targeted" if detection.p <= alpha else "unspecific"
    return Verdict(change=change, claim=claim, detection=detection)


def _detection(evidence: Evidence, alpha: float) -> Detection:
    """Tests the score against every null type; the largest p-value decides."""
    score = evidence.findings.change_score
    rungs = {null.rung: _null_test(score, null.scores) for null in evidence.nulls}
    known = [test.p for test in rungs.values() if test.p is not None]
    return Detection(p=max(known, default=None), alpha=alpha, rungs=rungs)


def _null_test(score: float | None, nulls: tuple[float, ...]) -> NullTest:
    if score is None or not nulls:
        return NullTest(n=len(nulls))
    return NullTest(n=len(nulls), p=conformal_p(score, nulls))
