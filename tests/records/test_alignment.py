"""Two runs side by side."""

import diffkit
from diffkit.findings import (
    Findings,
    Line,
    Note,
    Sample,
    Samples,
    Series,
    Table,
    TokenScore,
    TokenTable,
)
from diffkit.records.alignment import AlignedRow
from diffkit.runs.manifest import StoredRun

from .conftest import manifest


def stored(folder, *items, score=1.0, **fields):
    folder.mkdir()
    found = Findings(change_score=score, metrics={"kl_nats": score}, items=items)
    (folder / "findings.json").write_text(found.model_dump_json())
    return StoredRun(manifest(**fields), folder)


def tokens(**scores):
    rows = tuple(TokenScore(token=token, score=score) for token, score in scores.items())
    return TokenTable(title="Tokens", unit="nats", rows=rows)


def test_rows_of_the_same_findings_are_side_by_side(tmp_path):
    left = stored(tmp_path / "a", tokens(cake=2, salt=1), Note(text="only left"))
    right = stored(tmp_path / "b", tokens(sugar=3, cake=1), score=4.0, seed=1)
    both = diffkit.align_runs(left, right)
    table, note = both.findings
    assert (table.title, table.keys, table.columns) == ("Tokens", ("token",), ("nats", "spread"))
    assert table.rows == (
        AlignedRow(("cake",), (2, None), (1, None)),
        AlignedRow(("salt",), (1, None), None),
        AlignedRow(("sugar",), None, (3, None)),
    )
    assert note.found == (True, False)
    assert both.scores == {"change score": (1.0, 4.0), "kl_nats": (1.0, 4.0)}
    assert both.differences == {"seed": (0, 1)}


def test_rows_and_findings_that_repeat_are_aligned_in_order(tmp_path):
    first = Samples(
        title="Said",
        rows=(
            Sample(prompt="Q", base="a", finetuned="b"),
            Sample(prompt="Q", base="c", finetuned="d"),
        ),
    )
    second = Samples(title="Said", rows=(Sample(prompt="Q", base="e", finetuned="f"),))
    left, right = stored(tmp_path / "a", first), stored(tmp_path / "b", second, second)
    said, again = diffkit.align_runs(left, right).findings
    assert [(row.left, row.right) for row in said.rows] == [
        (("a", "b"), ("e", "f")),
        (("c", "d"), None),
    ]
    assert again.found == (False, True)


def test_tables_are_aligned_by_their_words_and_series_by_x(tmp_path):
    def items(count, y):
        table = Table(title="T", columns=("what", "n"), rows=(("alpha", count), ("beta", None)))
        line = Line(name="l", x=(0.0, 1.0), y=(y, y))
        return table, Series(title="S", x_label="step", y_label="nats", lines=(line,))

    left = stored(tmp_path / "a", *items(1, 0.5))
    right = stored(tmp_path / "b", *items(2, 0.25))
    table, series = diffkit.align_runs(left, right).findings
    assert (table.keys, table.columns) == (("what",), ("n",))
    assert table.rows[0] == AlignedRow(("alpha",), (1,), (2,))
    assert series.rows[1] == AlignedRow(("l", "1"), (0.5,), (0.25,))
    frame = series.to_pandas()
    assert list(frame.columns) == ["line", "step", "nats (left)", "nats (right)", "left", "right"]


def test_a_run_aligned_with_itself_differs_in_nothing(tmp_path):
    run = stored(tmp_path / "a", tokens(cake=2), Note(text="n"))
    both = diffkit.align_runs(run, run)
    assert both.differences == {}
    assert all(row.left == row.right for one in both.findings for row in one.rows)
