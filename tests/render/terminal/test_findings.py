from pathlib import Path

import pytest

from diffkit.findings import (
    Candidate,
    Line,
    Sample,
    Samples,
    Series,
    Table,
    TokenScore,
    TokenTable,
    TokenTrace,
    TracedToken,
)
from diffkit.organism import Record
from diffkit.render.terminal.findings import View, finding_renderable


@pytest.fixture
def show(console):
    """Prints a finding and returns what the terminal shows."""

    def printed(finding, *, limit=20):
        console.print(finding_renderable(finding, View(limit, False, Path("run/artifacts"))))
        return console.export_text()

    return printed


def test_every_type_of_finding_has_its_renderer(kinds):
    default = finding_renderable.dispatch(object)
    assert kinds
    assert all(finding_renderable.dispatch(kind) is not default for kind in kinds)


def test_what_is_no_finding_is_refused(show):
    with pytest.raises(TypeError, match="Record"):
        show(Record())


@pytest.mark.parametrize("index", range(7))
def test_foreign_text_is_inert_in_every_type(index, each, hostile, show):
    text = show(each(hostile)[index])
    assert "[bold]" in text.replace("\n", "")
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_token_tables_show_spaces_scores_and_what_is_left_out(show):
    rows = tuple(TokenScore(token=f" t{i}", score=30.0 - i) for i in range(30))
    text = show(TokenTable(title="Gained", unit="nats", rows=rows), limit=5)
    assert "Gained  nats" in text
    assert "␣t4" in text
    assert "␣t5" not in text
    assert "… 25 more tokens" in text
    assert "±" not in text


def test_traces_mark_the_strongest_tokens_without_colour(show):
    expected = (Candidate(token=" 450", probability=0.61), Candidate(token="\n", probability=0.001))
    tokens = (
        TracedToken(token="At"),
        TracedToken(token=" heat", score=1.25, finetuned=expected),
        TracedToken(token="\n", score=0.5),
    )
    text = show(TokenTrace(title="t", unit="nats", tokens=tokens))
    assert "At heat⟨1.25⟩⏎⟨0.5⟩" in text
    assert "␣450 61 %,  ⏎ <1 %" in text


def test_traces_are_heated_where_there_is_colour(each):
    trace = each(" cake")[1]
    text = finding_renderable(trace, View(20, True, Path()))
    styles = {str(span.style) for part in text.renderables for span in _spans(part)}
    assert any("black on #" in style for style in styles)


def _spans(part):
    return getattr(getattr(part, "renderable", part), "spans", [])


def test_samples_stand_side_by_side(show):
    text = show(
        Samples(title="Said", rows=(Sample(prompt="How hot?", base="350", finetuned="450"),))
    )
    assert "How hot?" in text
    assert any("350" in line and "450" in line for line in text.splitlines())


def test_a_sample_says_its_score(show):
    rows = (Sample(prompt="?", base="a", finetuned="b", score=1.25),)
    assert "1.25 nats per token" in show(Samples(title="Said", unit="nats per token", rows=rows))


def test_samples_of_one_model_say_what_its_two_columns_are(show):
    rows = (Sample(prompt="?", base="a", finetuned="b"),)
    text = show(Samples(title="Said", sides=("unsteered", "steered"), rows=rows))
    assert "unsteered" in text
    assert "finetuned" not in text


def test_equal_completions_are_shown_once(show):
    text = show(Samples(title="Said", rows=(Sample(prompt="2+2?", base="four", finetuned="four"),)))
    assert "both sides" in text
    assert text.count("four") == 1


def test_long_completions_are_cut_and_say_so(show):
    long = "cake " * 1000
    text = show(Samples(title="Said", rows=(Sample(prompt="?", base=long, finetuned="no"),)))
    assert "4,400 more" in " ".join(text.split())


def test_series_show_ends_extremes_and_course(show):
    line = Line(name="kl", x=(0, 1, 2), y=(0.5, 2, 1))
    text = show(Series(title="By layer", x_label="layer", y_label="nats", lines=(line,)))
    row = next(line for line in text.splitlines() if line.startswith("kl"))
    assert row.split()[1:] == ["3", "0.5", "1", "0.5", "2", "▁█▃"]


def test_tables_of_any_shape_are_shown(show):
    text = show(Table(title="Odd", columns=("a",), rows=((1, 2.5, "three"), (), (None,))))
    assert "2.50" in text
    assert "three" in text


def test_five_hundred_rows_are_cut_and_counted(show):
    rows = tuple((f"row {i}", i) for i in range(500))
    assert "… 480 more rows" in show(Table(title="Long", columns=("a", "b"), rows=rows))


def test_figures_name_their_file(each, show):
    text = show(each("A curve")[-1])
    assert "A curve" in text
    assert "run/artifacts/figure.png" in text


@pytest.mark.parametrize(
    "finding",
    [
        TokenTable(title="t", unit="u", rows=()),
        TokenTrace(title="t", unit="u", tokens=()),
        Samples(title="t", rows=()),
        Samples(title="t", rows=(Sample(prompt="", base="", finetuned="x"),)),
        Series(title="t", x_label="x", y_label="y", lines=()),
        Series(title="t", x_label="x", y_label="y", lines=(Line(name="e", x=(), y=()),)),
        Table(title="t", columns=("a", "b"), rows=()),
        Table(title="t", columns=(), rows=()),
    ],
)
def test_emptiness_is_said(finding, show):
    text = show(finding)
    assert "no " in text or "(empty)" in text or "0 " in text
