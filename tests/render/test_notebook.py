"""Records in notebooks, and as data frames."""

import html
import re
import sys

import pytest

import diffkit
from diffkit.errors import MissingExtra
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
    TokenTrace,
    TracedToken,
)

BAD = '<script>alert(1)</script> "></iframe><img src=x onerror=alert(1)> \x1b[31m \u202e'
ITEMS = (
    TokenTable(title=BAD, unit=BAD, rows=(TokenScore(token=BAD, score=1.0, spread=0.5),)),
    TokenTrace(title=BAD, unit="nats", tokens=(TracedToken(token=BAD, score=1.0),)),
    Samples(title=BAD, rows=(Sample(prompt=BAD, base=BAD, finetuned="b"),)),
    Series(title=BAD, x_label=BAD, y_label="y", lines=(Line(name=BAD, x=(1.0,), y=(2.0,)),)),
    Table(title=BAD, columns=(BAD, "n"), rows=((BAD, 1),)),
    Note(text=BAD),
)


def page_of(shown):
    """The document in the frame, which is all that the notebook receives."""
    found = re.fullmatch(r'<iframe sandbox srcdoc="([^"]*)" style="[^"<>]*" title="[^"<>]*">'
                         r"</iframe>", shown)  # fmt: skip
    assert found
    return html.unescape(found[1])


def assert_harmless(shown):
    page = page_of(shown)
    assert "default-src 'none'" in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"<(script|img|iframe|link|form|a)[ >]", page)
    assert not {"\x1b", "\u202e"} & set(page)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.kind)
def test_each_finding_shows_itself_in_a_frame_that_nothing_leaves(item):
    assert_harmless(item._repr_html_())


def test_findings_show_all_their_items_and_the_change_score():
    found = Findings(change_score=0.125, metrics={"kl_nats": 2.0}, items=ITEMS)
    assert_harmless(found._repr_html_())
    assert "0.125" in page_of(found._repr_html_())
    assert "kl_nats" in page_of(found._repr_html_())


def test_a_long_finding_is_shown_in_part_and_says_so():
    rows = tuple((f"row{number}", number) for number in range(50_000))
    shown = Findings(items=(Table(title="T", columns=("a", "b"), rows=rows),))._repr_html_()
    assert len(shown) < 100_000
    assert "49,900 more rows" in page_of(shown)


def test_frames_have_a_row_for_each_row():
    table, trace, samples, series, cells, _ = (item.to_pandas() for item in ITEMS)
    assert table.to_dict("records") == [{"token": BAD, BAD: 1.0, "spread": 0.5}]
    assert trace.loc[0, "nats"] == 1.0
    assert list(samples.columns) == ["prompt", "base", "finetuned", "score"]
    assert series.to_dict("records") == [{"line": BAD, BAD: 1.0, "y": 2.0}]
    assert cells.shape == (1, 2)
    overview = Findings(items=ITEMS).to_pandas()
    assert list(overview["kind"]) == [item.kind for item in ITEMS]
    assert list(overview["rows"]) == [1] * 6


def test_without_pandas_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match="pip install 'pandas'"):
        Findings().to_pandas()


def test_a_store_s_listings_and_leaderboards_show_themselves(tmp_path):
    import shutil
    from pathlib import Path

    shutil.copytree(Path(__file__).parents[1] / "golden" / "store", tmp_path / "store")
    store = diffkit.open_store(tmp_path / "store")
    run, *others = store.runs()
    assert run.manifest.digest[:12] in page_of(store.runs()._repr_html_())
    assert run.manifest.identity.method in page_of(run._repr_html_())
    board = store.leaderboard()
    assert board.suite in page_of(board._repr_html_())
    assert len(board.to_pandas()) == len(board.rows)
    assert board.to_pandas()["top1"].iloc[0] == board.rows[0].top1.value
    assert len(store.runs().to_pandas()) == 1 + len(others)
    assert len(store.attempts().to_pandas()) == len(store.attempts())
    assert len(store.grades().to_pandas()) == len(store.grades())
    found = store.search("claim")
    assert len(found.to_pandas()) == len(found)
    assert "claim" in page_of(found._repr_html_())
    assert "What the runs differ in" in page_of(diffkit.align_runs(run, others[0])._repr_html_())
