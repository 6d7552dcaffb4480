"""The geometry of a leaderboard's forest plots: shares, their intervals, and chance."""

from collections.abc import Callable
from dataclasses import dataclass

from diffkit.evaluation.leaderboard.schema import Leaderboard, Measure, Row
from diffkit.plain_text import formatting
from diffkit.render import labels
from diffkit.render.sections import graded_sections, main_rows, sections
from diffkit.statistics import Share

WIDTH = 340

_LEFT, _RIGHT, _ROW, _AXIS = 8, 332, 38, 26

_LABEL = 40  # characters that fit beside the count


@dataclass(frozen=True)
class Bar:
    """One share: a point, its interval and what chance would give."""

    label: str
    count: str
    """``k/n``; k need not be whole."""
    description: str
    """All of it, for readers who do not see the drawing."""
    y: int
    """Pixels from the top to the line that the point lies on."""
    at: float | None
    low: float | None
    high: float | None
    chance: float | None


@dataclass(frozen=True)
class ForestPanel:
    """One measure for every row of a leaderboard."""

    title: str
    remark: str
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    height: int
    width: int = WIDTH
    left: int = _LEFT
    right: int = _RIGHT


def forest_panels(leaderboard: Leaderboard) -> tuple[ForestPanel, ...]:
    """Top-1 where anything was graded, detection and false alarms: of main arms, not controls."""
    rows = main_rows(leaderboard)
    whole = [section for section in graded_sections(leaderboard) if section.stratum == "all"]
    seen = tuple(row for section in whole for row in section.mains)
    ranked = all(row.reciprocal_rank or not row.top1.n for row in seen)
    first = ("Truth ranked first", "share of truths") if ranked else ("Score", "mean over truths")
    tested = any(section.says_otherwise for section in sections(leaderboard))
    how = "that pass the test" if tested else "called targeted"
    scores = _panel(first[0], f"{first[1]}; dashed: chance", seen, lambda r: r.top1)
    return (
        *([scores] if seen else []),
        _panel("Detected", f"share of truths {how}", rows, lambda r: r.detected),
        _panel("False alarms", f"share of nulls {how}", rows, lambda r: r.false_alarms),
    )


def _panel(
    title: str, remark: str, rows: tuple[Row, ...], share: Callable[[Row], Share | None]
) -> ForestPanel:
    readers = {labels.reader(row) for row in rows}
    names = [labels.name(r) + (f" · {labels.reader(r)}" if len(readers) > 1 else "") for r in rows]
    bars = tuple(_bar(names[index], share(row), index) for index, row in enumerate(rows))
    ticks = tuple((_x(k / 4), f"{25 * k} %") for k in range(5))
    return ForestPanel(title, remark, bars, ticks, height=_ROW * len(rows) + _AXIS)


def _bar(name: str, found: Share | None, index: int) -> Bar:
    share = found or Share(hits=0, n=0)
    said = f"{formatting.number(share.hits)} of {share.n} {labels.interval(share)}"
    chance = share.chance if isinstance(share, Measure) else None
    beside = "" if chance is None else f", chance {formatting.number(chance)}"
    label = name if len(name) <= _LABEL else f"{name[: _LABEL - 1]}…"
    return Bar(
        label=label,
        count=labels.count(share) if found else labels.NO_COUNT,
        description=f"{name}: {said if found else labels.NO_COUNT}{beside}",
        y=index * _ROW + 27,
        at=_x_or_none(share.value),
        low=_x_or_none(share.low),
        high=_x_or_none(share.high),
        chance=_x_or_none(chance),
    )


def _x_or_none(share: float | None) -> float | None:
    return None if share is None else _x(share)


def _x(share: float) -> float:
    return round(_LEFT + share * (_RIGHT - _LEFT), 1)
