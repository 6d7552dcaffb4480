"""The investigator that needs no language model."""

from diffkit import Case, Detection, Investigator, RungTest, Verdict
from diffkit.statistics import conformal_p
from diffkit_evaluators.lineup.config import EvidenceConfig
from diffkit_evaluators.lineup.words import evidence_words


class LineupInvestigator(Investigator[EvidenceConfig]):
    """Detects by calibration, and claims the words that the findings put first."""

    def investigate(self, case: Case, config: EvidenceConfig) -> Verdict:
        """Says ``targeted`` where the change score passes the test on every rung.

        ``unsure`` where there are too few nulls for the test to come out at ``alpha``.
        """
        words = evidence_words(case.evidence, config.words)
        detection = _detect(case, config.alpha)
        claim = " ".join(words) or None
        if case.evidence.change_score == 0:
            return Verdict(change="none", claim=claim, detection=detection)
        if detection.p is None or not detection.testable:
            return Verdict(change="unsure", claim=claim, detection=detection)
        change = "targeted" if detection.p <= config.alpha else "unspecific"
        return Verdict(change=change, claim=claim, detection=detection)


def _detect(case: Case, alpha: float) -> Detection:
    """Tests the score on every rung; the largest p-value decides."""
    rungs = {null.rung: _test(case.evidence.change_score, null.scores) for null in case.nulls}
    known = [test.p for test in rungs.values() if test.p is not None]
    return Detection(p=max(known, default=None), alpha=alpha, rungs=rungs)


def _test(score: float | None, nulls: tuple[float, ...]) -> RungTest:
    if score is None or not nulls:
        return RungTest(n=len(nulls))
    return RungTest(n=len(nulls), p=conformal_p(score, nulls))
