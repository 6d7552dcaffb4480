"""Names of findings, and reading them in parts."""

import pytest
from diffkit_evaluators.agent.findings_view import (
    findings_by_method,
    listing_text,
    preview_text,
    rows_text,
)

from diffkit import (
    Blinding,
    Case,
    Evidence,
    Figure,
    Findings,
    Line,
    Note,
    Sample,
    Samples,
    Series,
    Table,
    TokenScore,
    TokenTable,
    TokenTrace,
    TracedToken,
)

BLIND = Blinding()
LONG = [
    TokenTable(
        title="T", unit="u", rows=tuple(TokenScore(token=f"w{n}", score=1) for n in range(9))
    ),
    TokenTrace(
        title="T", unit="u", tokens=tuple(TracedToken(token=f" w{n}", score=1) for n in range(9))
    ),
    Samples(
        title="T",
        rows=tuple(Sample(prompt=f"w{n}", base="a", finetuned="b") for n in range(9)),
    ),
    Series(
        title="T",
        x_label="x",
        y_label="y",
        lines=tuple(Line(name=f"w{n}", x=(0,), y=(1,)) for n in range(9)),
    ),
    Table(title="T", columns=("c",), rows=tuple((f"w{n}",) for n in range(9))),
]


@pytest.mark.parametrize("finding", LONG, ids=lambda one: one.kind)
def test_a_part_begins_where_it_was_asked_to(finding):
    shown = rows_text(finding, 4, 9, BLIND)
    assert shown.startswith("From row 4 on:")
    assert "w3" in shown
    assert "w2" not in shown
    assert "w2" in rows_text(finding, 3, 9, BLIND)


@pytest.mark.parametrize("finding", LONG, ids=lambda one: one.kind)
def test_a_part_beyond_the_end_is_empty(finding):
    assert "w" not in rows_text(finding, 10, 9, BLIND).replace("row", "")


@pytest.mark.parametrize(
    "finding", [Note(text="All is well."), Figure(title="All is", artifact="a.png", text="well.")]
)
def test_what_has_no_rows_is_always_whole(finding):
    assert rows_text(finding, 7, 1, BLIND) == rows_text(finding, 1, 20, BLIND)


def test_a_preview_lists_all_and_shows_rows_of_what_has_some():
    findings = Findings(items=(LONG[0], Note(text="All is well.")))
    (source,) = findings_by_method(
        Case(handle="x", evidence=(Evidence(method="kl", findings=findings),))
    )
    assert preview_text(source, BLIND, 0) == listing_text(source, BLIND)
    shown = preview_text(source, BLIND, 2)
    assert shown.startswith(listing_text(source, BLIND))
    assert "w1" in shown
    assert "w2" not in shown
    assert shown.count("All is well.") == 1
