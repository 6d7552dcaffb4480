import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from diffkit.evaluation.leaderboard import Leaderboard
from diffkit.findings import (
    Figure,
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
from diffkit.render.html.pages import leaderboard_page, run_page

_VOID = {"meta", "img", "line", "circle", "polyline", "br"}


class Page(HTMLParser):
    """The elements of a page, its visible text, and whether its tags nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open[-1:]:
            self.words += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def page(stored):
    return lambda *items, **more: Page(run_page(stored(*items, **more)))


def board(leaderboard, *runs):
    """The leaderboard's page, its first pair pointing at the first run."""
    if runs:
        pair = leaderboard.pairs[0].model_copy(update={"run": runs[0].manifest.digest})
        leaderboard = leaderboard.model_copy(update={"pairs": (pair, *leaderboard.pairs[1:])})
    return leaderboard_page(leaderboard, [("cake", run) for run in runs])


def assert_inert(page):
    """Nothing runs and nothing is fetched."""
    tags = Counter(tag for tag, _ in page.elements)
    assert not tags.keys() & {"script", "iframe", "object", "embed", "link", "base", "form"}
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/png;base64,"))
        assert "url(" not in (attributes.get("style") or "")


def test_a_run_is_told_in_full(page, each):
    shown = page(*each("cake"), change_score=0.2134, metrics={"kl_nats": 0.5})
    for part in ("0.213", "kl_nats", "layer", "a⏎b", "12 s", "75 %"):
        assert part in shown.words
    assert shown.open == []


def test_every_type_of_finding_has_its_section(page, each, kinds):
    items = each("cake")
    assert {type(item) for item in items} == set(kinds)
    classes = [attributes["class"] for attributes in page(*items).all("section")]
    assert classes == [f"finding {item.kind}" for item in items]


def test_pages_are_self_contained_and_forbid_the_rest(stored, each, leaderboard):
    run = stored(*each("see https://example.org/x"))
    for html in (run_page(run), board(leaderboard, run)):
        shown = Page(html)
        assert_inert(shown)
        policy = next(m["content"] for m in shown.all("meta") if "http-equiv" in m)
        assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
        assert "@import" not in html
        assert "url(" not in html


@pytest.mark.parametrize("index", range(7))
def test_foreign_text_is_inert_in_every_type(index, page, each, hostile):
    shown = page(each(hostile)[index])
    assert_inert(shown)
    assert "<script>alert(1)</script>" in shown.words
    assert "\x1b" not in shown.words
    assert "⟨U+202E⟩" in shown.words


def test_no_attribute_carries_a_control_character(stored, each, hostile, leaderboard):
    run = stored(*each(hostile), metrics={hostile: 1.0}, method=hostile.replace("/", "|"))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", run_page(run))
    rungs = {hostile: leaderboard.rows[0].detected}
    foreign = {"detected_by": rungs, "false_alarms_by": rungs, "investigator": hostile}
    foreign |= {"method": hostile, "calibration": hostile}
    row = leaderboard.rows[0].model_copy(update=foreign)
    pair = leaderboard.pairs[0].model_copy(update={"said": hostile, "organism": hostile})
    update = {"suite": hostile, "rows": (row,), "pairs": (pair,), "notes": (hostile,)}
    html = leaderboard_page(leaderboard.model_copy(update=update), [(hostile, run)])
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", html)
    assert_inert(Page(html))


def test_heat_is_not_the_only_carrier(page):
    tokens = (
        TracedToken(token="a"),
        TracedToken(token=" b", score=2.5),
        TracedToken(token="c", score=-5),
    )
    shown = page(TokenTrace(title="t", unit="nats", tokens=tokens))
    spans = [a for a in shown.all("span") if (a.get("class") or "") in ("w0", "w2", "c5")]
    assert [span["title"] for span in spans] == ["– nats", "2.5 nats", "-5 nats"]
    assert len(shown.all("sup")) == 2
    assert "-5.00" in shown.words


def test_all_of_a_long_table_is_there_and_most_of_it_folded(page):
    rows = tuple((f"row {i}.", i / 7) for i in range(500))
    shown = page(Table(title="Long", columns=("a", "b"), rows=rows))
    assert all(f"row {i}." in shown.words for i in range(500))
    assert "480 more rows" in shown.words


def test_long_lists_of_tokens_and_samples_are_folded(page):
    shown = page(
        TokenTable(
            title="t", unit="u", rows=tuple(TokenScore(token=f"<{i}>", score=1) for i in range(21))
        ),
        Samples(
            title="s",
            rows=tuple(Sample(prompt=f"p{i}", base="a", finetuned="b") for i in range(25)),
        ),
    )
    assert "1 more token\n" in shown.words
    assert "5 more samples" in shown.words
    assert "<20>" in shown.words


def test_tables_have_headers_and_drawings_have_words(stored, each, leaderboard):
    shown = Page(board(leaderboard, stored(*each("cake"))))
    assert shown.all("th")
    assert all("scope" in header for header in shown.all("th"))
    assert all(image["alt"] for image in shown.all("img"))
    for drawing in shown.all("svg"):
        assert drawing.get("aria-hidden") or (drawing["role"] == "img" and drawing["aria-label"])


def test_figures_are_embedded(page):
    (image,) = page(Figure(title="t", artifact="figure.png", text="A pixel")).all("img")
    assert image["src"].startswith("data:image/png;base64,iVBOR")
    assert image["alt"] == "A pixel"


@pytest.mark.parametrize(
    "name", ["gone.png", "../findings.json", "/etc/hostname", "\0", "x" * 5000, ""]
)
def test_figures_that_are_no_pictures_of_the_run_are_left_out(page, name):
    shown = page(Figure(title="t", artifact=name, text="Still told"))
    assert not shown.all("img")
    assert "is missing" in shown.words
    assert "Still told" in shown.words


@pytest.mark.parametrize(
    "finding",
    [
        TokenTable(title="t", unit="u", rows=()),
        TokenTrace(title="t", unit="u", tokens=()),
        Samples(title="t", rows=()),
        Series(title="t", x_label="x", y_label="y", lines=()),
        Series(title="t", x_label="x", y_label="y", lines=(Line(name="e", x=(), y=()),)),
        Table(title="t", columns=("a",), rows=()),
    ],
)
def test_emptiness_is_said(finding, page):
    shown = page(finding)
    assert re.search("no (tokens|samples|points|rows)", shown.words)


def test_tables_of_any_shape_are_shown(page):
    shown = page(Table(title="Odd", columns=("a",), rows=((1, 2.5, "three"), (), (None,))))
    assert "three" in shown.words


def test_a_run_without_findings_says_so(page):
    assert "no findings" in page().words


def test_a_leaderboard_leads_from_its_pairs_to_what_was_found(stored, each, leaderboard):
    shown = Page(board(leaderboard, stored(*each("cake")), stored(*each("cake"), seed=1)))
    (link,) = shown.all("a")
    ids = [a["id"] for _, a in shown.elements if "id" in a]
    assert link["href"].removeprefix("#") in ids
    assert len(ids) == len(set(ids)) == 2
    assert shown.open == []


def test_a_leaderboard_shows_shares_beside_chance_intervals_and_nulls(leaderboard):
    shown = Page(board(leaderboard))
    for part in ("3/4", "[0.30, 0.95]", "0.125", "none to count", "untestable", "false alarm"):
        assert part in shown.words
    for part in ("0.0123", "another organism's findings", "seed pairs", "another corpus", "1.2/4"):
        assert part in shown.words
    assert shown.words.count("no findings at all") == 1
    assert "Truths found, where no particular words show it" in shown.words
    assert shown.open == []
    assert len(shown.all("svg")) == 3
    assert "Two truths share their words." in shown.words


def test_what_was_named_by_training_examples_is_a_column_that_says_so(leaderboard, taught):
    assert "training examples" not in board(leaderboard)
    shown = Page(board(taught))
    for part in ("named by training examples", "3.5/4", "0.0007"):
        assert part in shown.words
    assert len(shown.all("td")) - len(Page(board(leaderboard)).all("td")) == 3 * 7


def test_readers_and_seeds_are_columns_only_where_they_differ(leaderboard):
    assert "graded by</th>" not in board(leaderboard)
    other = leaderboard.pairs[0].model_copy(update={"investigator": "agent", "seed": 3})
    both = board(leaderboard.model_copy(update={"pairs": (*leaderboard.pairs, other)}))
    assert "graded by</th>" in both
    assert "seed</th>" in both


def test_an_empty_leaderboard_says_so():
    page = Page(leaderboard_page(Leaderboard(suite="zoo", rows=(), pairs=()), []))
    assert "Nothing has been graded" in page.words


def test_a_small_change_score_beside_a_large_one_keeps_its_digits(leaderboard):
    """Rows of one organism are of different methods, whose scores have nothing in common."""
    pair = leaderboard.pairs[0]
    small = pair.model_copy(update={"method": "small", "change_score": 0.00795})
    large = pair.model_copy(update={"method": "large", "change_score": 8.25})
    page = leaderboard_page(leaderboard.model_copy(update={"pairs": (small, large)}), [])
    assert ">0.00795<" in page
    assert ">8.25<" in page
