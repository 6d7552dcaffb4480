"""What records share that notebooks show, and that become data frames."""

from importlib import import_module
from typing import Any

NOTEBOOK = "diffkit.render.notebook"
"""Module of ``html``, imported when a record is first shown: records know no renderer."""
FRAMES = "diffkit.render.frames"
"""Module of ``frame``, likewise."""


class Displayed:
    """Shows itself in notebooks, and gives a data frame of pandas."""

    def _repr_html_(self) -> str:
        """What notebooks show: a page of the report in a frame without scripts or network."""
        return str(import_module(NOTEBOOK).html(self))

    def to_pandas(self) -> Any:
        """A data frame of its rows.

        Raises:
            MissingExtra: pandas is not installed.
        """
        return import_module(FRAMES).frame(self)
