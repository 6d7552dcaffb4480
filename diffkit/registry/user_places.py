"""The folders and files of a user's own organisms: a list in the user's configuration.

    places:
      - /home/ada/organisms

The variable ``DIFFKIT_ORGANISMS`` names further ones, separated as in ``PATH``.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from diffkit.errors import UserError
from diffkit.options.yaml_records import read_record
from diffkit.organism import Record

CONFIGURATION = "DIFFKIT_CONFIG"
"""Variable that names the folder of the user's configuration."""
ORGANISMS = "DIFFKIT_ORGANISMS"
"""Variable that names folders and files of organisms."""
_HEADER = "# Written by `diffkit organisms add` and `diffkit organisms remove`.\n"


class PlaceList(Record):
    """Content of the file in the user's configuration."""

    places: tuple[Path, ...] = ()
    """Folders with ``organisms/`` and ``bases/``, or single YAML files."""


@dataclass(frozen=True)
class UserPlaces:
    """Folders and files of the user's own organisms and bases."""

    file: Path
    """The list of those that were added; it need not exist."""

    @property
    def added(self) -> Sequence[Path]:
        """Those that were added.

        Raises:
            BadFile: the list is malformed.
        """
        return read_record(self.file, PlaceList).places if self.file.exists() else ()

    @property
    def named(self) -> Sequence[Path]:
        """Those that the variable names."""
        parts = os.environ.get(ORGANISMS, "").split(os.pathsep)
        return [Path(part).expanduser().absolute() for part in parts if part.strip()]

    @property
    def all(self) -> Sequence[Path]:
        """Those that exist."""
        return [place for place in (*self.added, *self.named) if place.exists()]

    def missing(self) -> Iterator[str]:
        """A line for each place that does not exist."""
        for place in self.added:
            if not place.exists():
                hint = f"If it is gone for good: diffkit organisms remove {place}"
                yield f"The organisms in {place} are not known: there is nothing. {hint}"
        for place in self.named:
            if not place.exists():
                yield f"{ORGANISMS} names {place}, and there is nothing."

    def holding(self, file: Path) -> Path | None:
        """The place that was added and holds ``file``; none if no such place does."""
        real = file.resolve()
        found = (one for one in self.added if real.is_relative_to(one.resolve()))
        return next(found, None)

    def add(self, place: Path) -> None:
        """Adds a place at the end of the list, once.

        Raises:
            UserError: the list cannot be written.
            BadFile: the list is malformed.
        """
        if place not in self.added:
            self._write((*self.added, place))

    def remove(self, place: Path) -> None:
        """Takes a place off the list.

        Raises:
            UserError: it is not on the list, or the list cannot be written.
            BadFile: the list is malformed.
        """
        if place in self.named and place not in self.added:
            raise UserError(f"{place} is named by {ORGANISMS}.", hint="Change the variable.")
        if place not in self.added:
            listed = ", ".join(map(str, self.added)) or "none"
            what = f"{place} is not among the places of your organisms."
            raise UserError(what, hint=f"They are: {listed}.")
        self._write(tuple(one for one in self.added if one != place))

    def _write(self, places: Sequence[Path]) -> None:
        text = _HEADER + yaml.safe_dump({"places": [str(place) for place in places]})
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            fresh = self.file.with_suffix(".new")
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self.file)
        except OSError as error:
            what = f"{self.file} cannot be written ({error.strerror})."
            hint = f"Name a folder for your configuration in the variable {CONFIGURATION}."
            raise UserError(what, hint=hint) from error


def user_places() -> UserPlaces:
    """The folders and files of the user who runs this process."""
    import typer

    folder = os.environ.get(CONFIGURATION) or typer.get_app_dir("diffkit")
    return UserPlaces(Path(folder).expanduser() / "organisms.yaml")
