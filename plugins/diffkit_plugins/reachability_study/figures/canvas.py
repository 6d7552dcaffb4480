"""Figures drawn with matplotlib's objects, without global state and without a date in the file.

Takes the size and labels of a figure. Gives its axes, and the PNG artifact with its finding.
"""

import io
from dataclasses import dataclass
from math import ceil
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawing

from diffkit import Artifacts, Figure

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#999999"
"""Okabe and Ito's colours, which are distinct for people with any colour vision."""
COLUMNS = 4
"""Largest number of panels in a row."""
_DOTS_PER_INCH = 100


@dataclass(frozen=True)
class DrawnFigure:
    """A drawing with its title and description."""

    name: str
    """File name of the artifact."""
    title: str
    text: str
    """A description in words and numbers, for readers that cannot see the image."""
    drawing: Drawing

    def png(self) -> bytes:
        """The content of the PNG file, which is deterministic."""
        buffer = io.BytesIO()
        FigureCanvasAgg(self.drawing)
        self.drawing.savefig(buffer, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
        return buffer.getvalue()

    def finding(self, artifacts: Artifacts) -> Figure:
        """Writes the artifact and returns the finding that shows it."""
        return Figure(
            title=self.title, artifact=artifacts.write(self.name, self.png()), text=self.text
        )


@dataclass(frozen=True)
class PanelGrid:
    """Panels of one drawing with common axes."""

    drawing: Drawing
    panels: list[Any]

    @classmethod
    def of(cls, count: int, title: str, *, x: str, y: str) -> "PanelGrid":
        """Draws ``count`` empty panels, at most `COLUMNS` in a row.

        Args:
            count: number of panels.
            title: title of the drawing.
            x: label of the horizontal axes, with unit.
            y: label of the vertical axes, with unit.
        """
        columns = min(count, COLUMNS)
        rows = ceil(count / columns)
        size = (7.5, 4.8) if count == 1 else (3.2 * columns + 0.6, 2.7 * rows + 1.0)
        drawing = Drawing(figsize=size, layout="constrained")
        grid = drawing.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        panels = list(grid.flat)
        for unused in panels[count:]:
            unused.remove()
        for panel in panels[max(0, count - columns) : count]:
            panel.tick_params(labelbottom=True)
        drawing.suptitle(title)
        drawing.supxlabel(x)
        drawing.supylabel(y)
        return cls(drawing, panels[:count])

    def legend(self) -> None:
        """Draws one legend for the marks of all panels."""
        marks: dict[str, Any] = {}
        for panel in self.panels:
            handles, labels = panel.get_legend_handles_labels()
            marks.update(zip(labels, handles, strict=True))
        self.drawing.legend(marks.values(), marks.keys(), loc="outside right center", fontsize=8)


def single_axes(
    title: str, *, x: str, y: str, width: float = 7.5, height: float = 4.8
) -> tuple[Drawing, Any]:
    """Makes a drawing with a single pair of axes.

    Args:
        title: title of the axes.
        x: label of the horizontal axis, with unit.
        y: label of the vertical axis, with unit.
        width: in inches.
        height: in inches.
    """
    drawing = Drawing(figsize=(width, height), layout="constrained")
    axes = drawing.add_subplot()
    axes.set(title=title, xlabel=x, ylabel=y)
    return drawing, axes
