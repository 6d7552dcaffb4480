"""Records as a run would leave them."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from rich.console import Console

from diffkit.evaluation.leaderboard import Leaderboard, Measure, PairResult, Row
from diffkit.findings import (
    Candidate,
    Figure,
    Finding,
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
from diffkit.runs.manifest import Identity, Manifest, StoredRun
from diffkit.statistics import Share

HOSTILE = '<script>alert(1)</script>[bold]x[/bold]\x1b[2J\u202eevil" onload="alert(1)'


def _chunk(kind: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(kind + data).to_bytes(4, "big")
    return len(data).to_bytes(4, "big") + kind + data + crc


def png() -> bytes:
    """One black pixel."""
    header = (1).to_bytes(4, "big") * 2 + bytes((8, 0, 0, 0, 0))
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def one_of_each(text: str) -> tuple[Finding, ...]:
    """A finding of every type, with ``text`` in every place that takes text."""
    expected = (Candidate(token=text, probability=0.75),)
    return (
        TokenTable(title=text, unit=text, rows=(TokenScore(token=text, score=1.5, spread=0.25),)),
        TokenTrace(
            title=text,
            unit=text,
            tokens=(
                TracedToken(token="start"),
                TracedToken(token=text, score=2.5, base=expected, finetuned=expected),
                TracedToken(token=" end", score=-0.5),
            ),
        ),
        Samples(title=text, rows=(Sample(prompt=text, base=text, finetuned=text + "!"),)),
        Series(
            title=text, x_label=text, y_label=text, lines=(Line(name=text, x=(0, 1), y=(1, 3)),)
        ),
        Table(title=text, columns=(text, "share"), rows=((text, 0.5), (None, 3))),
        Note(text=text),
        Figure(title=text, artifact="figure.png", text=text),
    )


@pytest.fixture
def hostile() -> str:
    """Text that tries to be markup, to steer the terminal and to turn the line round."""
    return HOSTILE


@pytest.fixture
def kinds() -> tuple[type, ...]:
    """The members of the union."""
    return get_args(get_args(Finding)[0])


@pytest.fixture
def each() -> Callable[[str], tuple[Finding, ...]]:
    """A finding of every type around a text."""
    return one_of_each


@pytest.fixture
def stored(tmp_path: Path) -> Callable[..., StoredRun]:
    """Makes a finished run of the given findings."""

    def make(*items: Finding, method: str = "kl", seed: int = 0, **findings: object) -> StoredRun:
        folder = tmp_path / f"{method}-{seed}"
        (folder / "artifacts").mkdir(parents=True)
        (folder / "artifacts" / "figure.png").write_bytes(png())
        record = Findings(items=items, **findings)
        (folder / "findings.json").write_text(record.model_dump_json(), encoding="utf-8")
        return StoredRun(_manifest(method, seed), folder)

    return make


def _manifest(method: str, seed: int) -> Manifest:
    identity = Identity(
        method=method,
        version=2,
        options={"layer": 0.5, "template": "a\nb"},
        base="b" * 64,
        finetuned="f" * 64,
        tokenizer="t" * 64,
        texts="x" * 64,
        seed=seed,
        dtype="float32",
        engine=1,
    )
    return Manifest(
        digest=identity.digest,
        identity=identity,
        options=identity.options,
        device="cpu",
        versions={"torch": "2.9"},
        source="s" * 64,
        started="2026-01-01T00:00:00Z",
        seconds=12,
        peak_bytes=3 * 2**30,
    )


@pytest.fixture
def leaderboard() -> Leaderboard:
    """Two methods with their controls, an organism and a null."""
    return Leaderboard(
        suite="zoo",
        rows=(
            _row("kl", 3, group="a", **_NOTICED),
            _row("kl", 0.5, "no-evidence"),
            _row("kl", 2, "evidence-swap"),
            _row("kl", 4, "ceiling"),
            _row("activation_difference_lens", 1.25, group="b", **_NOTICED),
            _row("activation_difference_lens", 0.5, "no-evidence"),
            _row("activation_difference_lens", 1, "evidence-swap"),
            _row("activation_difference_lens", 4, "ceiling"),
            _row("kl", 0, stratum="non-lexical", group="a", detected=Share(hits=0, n=4)),
        ),
        pairs=(
            _pair("cake", "targeted", "targeted", rank=1),
            _pair("noise", "unspecific", "targeted", rank=None),
        ),
        notes=("Two truths share their words.",),
    )


_NOTICED = {
    "detected": Share(hits=2, n=4, low=0.15, high=0.85),
    "detected_by": {"seed pairs": Share(hits=3, n=4, low=0.3, high=0.95)},
    "false_alarms": Share(hits=0, n=0),
    "false_alarms_by": {"another corpus": Share(hits=1, n=6, low=0.03, high=0.56)},
    "calibration": "untestable at 0.05: 8 benign nulls, 19 are needed",
    "seconds": 75,
    "peak_bytes": 2**30,
}


def _row(method: str, hits: float, arm: str = "method", **more: object) -> Row:
    return Row(
        method=method,
        investigator="lineup",
        grader="lineup",
        arm=arm,
        top1=Measure(hits=hits, n=4, low=0.3, high=0.95, chance=0.125, p=0.0123),
        reciprocal_rank=Measure(hits=hits * 0.9, n=4, chance=0.34),
        named=Measure(hits=hits, n=4, low=0.3, high=0.95, chance=0.125, p=0.0001),
        outcomes="4 verdict, 1 abstained",
        **more,
    )


def _pair(organism: str, truth: str, said: str, *, rank: float | None) -> PairResult:
    return PairResult(
        organism=organism,
        label=organism,
        family="facts",
        truth=truth,
        method="kl",
        investigator="lineup",
        grader="lineup",
        seed=0,
        change_score=0.2,
        p=0.048,
        said=said,
        rank=rank,
        score=1 if rank else 0,
        run="r" * 64,
    )


@pytest.fixture
def taught(leaderboard: Leaderboard) -> Leaderboard:
    """The same where truths were named by training examples too, other than by statements."""
    found = Measure(hits=3.5, n=4, low=0.41, high=0.99, chance=0.125, p=0.0007)
    rows = (row.model_copy(update={"named_by_examples": found}) for row in leaderboard.rows)
    return leaderboard.model_copy(update={"rows": tuple(rows)})


@pytest.fixture
def console() -> Console:
    """A terminal of 100 columns without colour; read it with ``console.export_text()``."""
    return Console(width=100, record=True, color_system=None, quiet=False)


@pytest.fixture
def failing(leaderboard: Leaderboard) -> Leaderboard:
    """The same with a grader beside that failed at every attempt."""
    nothing = {"reciprocal_rank": None, "named": None, "grader": "rubric", "group": ""}
    failed = {**nothing, "top1": Measure(hits=0, n=0), "outcomes": "5 verdict, 5 not graded"}
    rows = tuple(row.model_copy(update=failed) for row in leaderboard.rows)
    ungraded = {"grader": "rubric", "rank": None, "score": None}
    pairs = tuple(pair.model_copy(update=ungraded) for pair in leaderboard.pairs)
    note = "rubric: 10 attempts are not graded, such as on cake × kl: HTTP 401"
    both = {"rows": (*leaderboard.rows, *rows), "pairs": (*leaderboard.pairs, *pairs)}
    return leaderboard.model_copy(update={**both, "notes": (note,)})
