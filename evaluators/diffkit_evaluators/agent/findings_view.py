"""How the findings of a case are named and shown to the agent."""

from collections.abc import Iterator
from dataclasses import dataclass

from diffkit import (
    Blinding,
    Case,
    Evidence,
    Figure,
    Finding,
    Findings,
    Note,
    NullScores,
    Samples,
    Series,
    Table,
    TokenTable,
    TokenTrace,
    finding_text,
    list_findings_text,
)

_UNNAMED = "findings"


@dataclass(frozen=True)
class MethodFindings:
    """The findings of one method."""

    name: str
    """Name of the method in the case; unique there."""
    evidence: Evidence

    @property
    def findings(self) -> dict[str, Finding]:
        """Name → finding; ``kl/1`` is the first finding of ``kl``."""
        items = enumerate(self.evidence.findings.items, 1)
        return {f"{self.name}/{number}": item for number, item in items}


def findings_by_method(case: Case) -> tuple[MethodFindings, ...]:
    """The findings of each method; empty findings are left out."""
    found: dict[str, MethodFindings] = {}
    for evidence in case.evidence:
        if evidence.findings != Findings():
            method = evidence.method or _UNNAMED
            same = sum(one.evidence.method == evidence.method for one in found.values())
            name = f"{method}-{same + 1}" if same else method
            found[name] = MethodFindings(name, evidence)
    return tuple(found.values())


def listing_text(source: MethodFindings, blinding: Blinding) -> str:
    """One line for each finding: name, kind, title, size."""
    lines = list_findings_text(source.evidence.findings, blinding)
    return "\n".join(map("{}  {}".format, source.findings, lines))


def preview_text(source: MethodFindings, blinding: Blinding, rows: int) -> str:
    """All titles, then the first rows of each finding; notes are in the titles alone."""
    shown = [
        f"{name}\n{finding_text(finding, blinding, limit=rows)}"
        for name, finding in source.findings.items()
        if rows and not isinstance(finding, Note)
    ]
    return "\n\n".join([listing_text(source, blinding), *shown])


def rows_text(finding: Finding, first: int, rows: int, blinding: Blinding) -> str:
    """Rows from number ``first`` on, counted from 1; notes and figures are shown whole."""
    rest = _skip_rows(finding, first - 1)
    start = f"From row {first} on:\n" if first > 1 and rest is not finding else ""
    return start + finding_text(rest, blinding, limit=rows)


def _skip_rows(finding: Finding, skipped: int) -> Finding:
    match finding:
        case TokenTable() | Samples() | Table():
            return finding.model_copy(update={"rows": finding.rows[skipped:]})
        case TokenTrace():
            return finding.model_copy(update={"tokens": finding.tokens[skipped:]})
        case Series():
            return finding.model_copy(update={"lines": finding.lines[skipped:]})
        case Note() | Figure():
            return finding


def scores_text(source: MethodFindings, blinding: Blinding) -> str:
    """The change score among those of calibration pairs, and the metrics, as text."""
    return "\n".join(_score_lines(source.evidence, blinding))


def _score_lines(evidence: Evidence, blinding: Blinding) -> Iterator[str]:
    findings = evidence.findings
    score = findings.change_score
    yield "It gives no change score." if score is None else f"Change score: {score:.3g}."
    if any(null.scores for null in evidence.nulls):
        yield "Where nothing targeted was done, it scored:"
        known = (null for null in evidence.nulls if null.scores)
        yield from (_null_line(number, null, score) for number, null in enumerate(known, 1))
    elif score is not None:
        yield "What it scores where nothing targeted was done is not known."
    if findings.metrics:
        metrics = (f"{blinding.hide(name)} {value:.3g}" for name, value in findings.metrics.items())
        yield f"Metrics: {', '.join(metrics)}."


def _null_line(number: int, null: NullScores, score: float | None) -> str:
    """One null type, without its name, which may be the class of the pair itself."""
    scores = null.scores
    spread = f"{min(scores):.3g} to {max(scores):.3g}"
    line = f"- kind {number}: {len(scores)} pairs, {spread}"
    if score is None:
        return f"{line}."
    return f"{line}; {sum(one >= score for one in scores)} of {len(scores)} at or above this score."
