"""The lineup investigator: claims the words of findings, in the order of the method."""

from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest

from diffkit import (
    AttemptContext,
    Case,
    Detection,
    Evidence,
    Finding,
    Findings,
    Investigator,
    JointNullScores,
    Note,
    NullTest,
    Samples,
    Table,
    TokenTable,
    TokenTrace,
    Verdict,
)
from diffkit.statistics import joint_p
from diffkit_evaluators.lineup.config import LineupInvestigatorConfig
from diffkit_evaluators.lineup.similarity import first_words


class LineupInvestigator(Investigator[LineupInvestigatorConfig]):
    """Tests the change score, and claims the words that the findings rank first."""

    def investigate(
        self, case: Case, config: LineupInvestigatorConfig, context: AttemptContext
    ) -> Verdict:
        """Says ``targeted`` where the change score passes the test on every null type.

        ``unsure`` where too few nulls exist for a test at level ``alpha``. Of several methods, the
        claim takes words of each in turn, and the test is one of all change scores together.
        """
        del context
        read = [with_title(one.findings, config.only) for one in case.evidence]
        claim = " ".join(evidence_words(read, config.words)) or None
        if not case.evidence:
            return Verdict(change="unsure")
        scores = [one.findings.change_score for one in case.evidence]
        if len(scores) == 1:
            detection = _detection(case.evidence[0], config.alpha)
        else:
            detection = _joint_detection(scores, case.joint_nulls, config.alpha)
        return _verdict(scores, claim, detection)

    def merge_claims(self, claims: Sequence[str], config: LineupInvestigatorConfig) -> str:
        """Words of each claim in turn: a claim holds the words of its findings in order."""
        return " ".join(_in_turn([claim.split() for claim in claims], config.words))


def _in_turn(sources: Sequence[Sequence[str]], limit: int) -> tuple[str, ...]:
    """The first ``limit`` distinct words of several lists, one of each list in turn."""
    words = (word for each in zip_longest(*sources) for word in each if word)
    return tuple(islice(dict.fromkeys(words), limit))


def _verdict(scores: Sequence[float | None], claim: str | None, detection: Detection) -> Verdict:
    """The verdict that the test allows; no change at all if every score is 0."""
    known = [score for score in scores if score is not None]
    if known and not any(known):
        return Verdict(change="none", claim=claim, detection=detection)
    if detection.p is None or not detection.testable:
        return Verdict(change="unsure", claim=claim, detection=detection)
    change = "targeted" if detection.p <= detection.alpha else "unspecific"
    return Verdict(change=change, claim=claim, detection=detection)


def _detection(evidence: Evidence, alpha: float) -> Detection:
    """Tests the score against every null type; the largest p-value decides."""
    score = evidence.findings.change_score
    rungs = {null.rung: NullTest.of(score, null.scores) for null in evidence.nulls}
    return Detection.of(rungs, alpha)


def _joint_detection(
    scores: Sequence[float | None], nulls: Sequence[JointNullScores], alpha: float
) -> Detection:
    """Tests the scores of all methods together against every null type."""
    known = any(score is not None for score in scores)
    found = joint_p(scores, {one.rung: one.scores for one in nulls}) if known else {}
    tests = {one.rung: NullTest(n=len(one.scores), p=found.get(one.rung)) for one in nulls}
    return Detection.of(tests, alpha)


def with_title(findings: Findings, part: str | None) -> Findings:
    """Findings whose title contains ``part``, ignoring case; all if it is none."""
    if part is None:
        return findings
    items = [item for item in findings.items if not isinstance(item, Note)]
    wanted = tuple(item for item in items if part.casefold() in item.title.casefold())
    return findings.model_copy(update={"items": wanted})


def evidence_words(sources: Sequence[Findings], limit: int) -> tuple[str, ...]:
    """The first ``limit`` distinct content words of findings; of several findings in turn.

    Prompts, completions of the base and notes are left out: they say nothing of the finetuning. Of
    tables, only `Table.text_columns` are read, since other cells are the method's own labels.
    """
    return _in_turn([first_words(_all_texts(findings), limit) for findings in sources], limit)


def _all_texts(findings: Findings) -> Iterator[str]:
    return (text for item in findings.items for text in _texts(item))


def _texts(item: Finding) -> Iterator[str]:
    match item:
        case TokenTable():
            yield from (row.token for row in item.rows)
        case TokenTrace():
            yield from _raised_tokens(item)
        case Samples():
            yield from (row.finetuned for row in item.rows)
        case Table():
            yield from item.texts
        case _:
            return


def _raised_tokens(trace: TokenTrace) -> Iterator[str]:
    """Tokens that became more probable, at the positions with the largest differences first."""
    scored = [token for token in trace.tokens if token.score is not None]
    for token in sorted(scored, key=lambda token: -(token.score or 0)):
        base = {candidate.token: candidate.probability for candidate in token.base}
        for candidate in token.finetuned:
            if candidate.probability > base.get(candidate.token, 0):
                yield candidate.token
