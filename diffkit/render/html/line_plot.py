"""The geometry of a line plot: numbers that a template draws as SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from diffkit.findings import Series
from diffkit.plain_text import formatting

WIDTH, HEIGHT = 520, 280

_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 508.0, 12.0, 234.0


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    """Pixels."""
    label: str


@dataclass(frozen=True)
class Curve:
    """One line as SVG coordinates."""

    name: str
    points: str
    """``x,y`` pairs for a polyline."""
    dots: tuple[tuple[float, float], ...]
    """The same as pairs, where they are few enough to be drawn as dots."""


@dataclass(frozen=True)
class LinePlot:
    """A series, ready to be drawn."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    curves: tuple[Curve, ...]
    x_label: str
    left: float = _LEFT
    right: float = _RIGHT
    top: float = _TOP
    bottom: float = _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        low, high = self._scaled(self.low), self._scaled(self.high)
        share = (self._scaled(value) - low) / (high - low)
        return round(self.start + share * (self.end - self.start), 1)

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def ticks(self) -> tuple[Tick, ...]:
        values = _decades(self.low, self.high) if self.log else _even(self.low, self.high)
        return tuple(Tick(self.place(value), formatting.number(value)) for value in values)


def line_plot(series: Series) -> LinePlot | None:
    """The drawing of ``series``; none where it has no points."""
    xs = [x for line in series.lines for x in line.x]
    ys = [y for line in series.lines for y in line.y]
    if not xs or not ys:
        return None
    log = series.log_x and min(xs) > 0  # step 0 has no place on a logarithmic axis
    x_axis = _Axis(*_range(xs, log=log), _LEFT, _RIGHT, log)
    y_axis = _Axis(*_widened(*_range(ys)), _BOTTOM, _TOP)
    curves = tuple(_curve(line.name, line.x, line.y, x_axis, y_axis) for line in series.lines)
    label = f"{series.x_label}, logarithmic" if log else series.x_label
    return LinePlot(x_axis.ticks(), y_axis.ticks(), curves, label)


def _curve(
    name: str, x: Sequence[float], y: Sequence[float], x_axis: _Axis, y_axis: _Axis
) -> Curve:
    dots = tuple((x_axis.place(a), y_axis.place(b)) for a, b in zip(x, y, strict=False))
    points = " ".join(f"{a},{b}" for a, b in dots)
    return Curve(name, points, dots if len(dots) <= 40 else ())


def _range(values: Sequence[float], *, log: bool = False) -> tuple[float, float]:
    low, high = min(values), max(values)
    if low < high:
        return low, high
    return (low / 2, high * 2) if log else (low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2)


def _widened(low: float, high: float) -> tuple[float, float]:
    """The range out to the next round values."""
    step = _step(low, high)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def _step(low: float, high: float) -> float:
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)


def _even(low: float, high: float) -> list[float]:
    """About five round values within the range."""
    step = _step(low, high)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten within the range, or its ends where there are fewer than two."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    every = max(1, (last - first) // 6)
    powers = [10.0**k for k in range(first, last + 1, every)]
    return powers if len(powers) > 1 else [low, high]
