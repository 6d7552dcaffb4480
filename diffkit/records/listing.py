"""Listings: records of a store, read when they are asked for, a page at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar, overload

from diffkit.chat.transcript import Event
from diffkit.errors import StoreError
from diffkit.grader import Grade
from diffkit.plain_text.display import Displayed
from diffkit.records.rows import Place
from diffkit.verdict import Attempt

T = TypeVar("T")
PAGE = 100
"""Records that are read at a time."""


class Listing(Displayed, Generic[T]):
    """Records of one kind, latest first; a record is read when it is asked for.

    Records that have gone, are damaged or no longer fit the filters are left out when they are met;
    `problems` names them. ``len`` counts what the index has.

    Args:
        title: what is listed.
        count: how many records there are.
        names: names of records from a place on, as many as asked for.
        read: reads a record by its name; none if it does not fit any more.
    """

    def __init__(
        self,
        title: str,
        count: Callable[[], int],
        names: Callable[[int, int], Sequence[str]],
        read: Callable[[str], T | None],
    ) -> None:
        self.title = title
        self.problems: list[str] = []
        self._count, self._names, self._read = count, names, read

    @cached_property
    def _size(self) -> int:
        return self._count()

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"<{self.title}: {len(self)}>"

    def page(self, start: int = 0, count: int = PAGE) -> tuple[T, ...]:
        """At most ``count`` records from the place ``start`` on, counted from 0."""
        return tuple(self._readable(self._names(start, count)))

    def __iter__(self) -> Iterator[T]:
        start = 0
        while names := self._names(start, PAGE):
            yield from self._readable(names)
            start += PAGE

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[T, ...]: ...
    def __getitem__(self, place: int | slice) -> T | tuple[T, ...]:
        """A record, or those of a slice.

        Raises:
            IndexError: there are fewer records.
            StoreError: the record has gone, or is damaged.
        """
        if isinstance(place, slice):
            start, end, step = place.indices(len(self))
            return self.page(start, max(0, end - start))[::step] if step > 0 else tuple(self)[place]
        names = self._names(place if place >= 0 else max(0, len(self) + place), 1)
        if not names or place < -len(self):
            msg = f"{self.title}: there are {len(self)}"
            raise IndexError(msg)
        found = self._read(names[0])
        if found is None:
            what = f"{names[0][:12]} has changed since it was listed."
            raise StoreError(what, hint="List the records again.")
        return found

    def _readable(self, names: Sequence[str]) -> Iterator[T]:
        for name in names:
            try:
                found = self._read(name)
            except StoreError as error:
                if str(error) not in self.problems:
                    self.problems.append(str(error))
                continue
            if found is not None:
                yield found


@dataclass(frozen=True)
class StoredRecord(Generic[T]):
    """An attempt or a grade in a store, with the evaluations that name it."""

    digest: str
    record: T
    places: tuple[Place, ...]
    """Where evaluations name it; empty where none does."""
    read_events: Callable[[], tuple[Event, ...]] = field(repr=False)

    @property
    def events(self) -> tuple[Event, ...]:
        """The transcript, read each time; empty where no language model was called.

        Raises:
            StoreError: it is damaged.
        """
        return self.read_events()


StoredAttempt = StoredRecord[Attempt]
StoredGrade = StoredRecord[Grade]


@dataclass(frozen=True)
class SearchHit:
    """A passage that has the words that were searched for."""

    kind: str
    """``runs``, ``attempts`` or ``grades``."""
    digest: str
    """Digest of the record."""
    label: str
    """The pair; empty where it is unknown."""
    method: str
    excerpt: str
    """The passage around the first word, as the record has it now."""
    name: str = ""
    """Title of the finding, or which part of the record."""
    finding: int | None = None
    """Number of the finding, from 0."""
    row: int | None = None
    """Number of the row in the finding, from 0."""
    turn: int | None = None
    """Number of the turn in the transcript, from 0."""

    @property
    def place(self) -> str:
        """Where in the record it is, in words; numbers from 1 in rows and turns."""
        numbered = {"row": self.row, "turn": self.turn}
        parts = [f"{name} {number + 1}" for name, number in numbered.items() if number is not None]
        return ", ".join(filter(None, [self.name, *parts]))


@dataclass(frozen=True)
class SearchResults(Displayed):
    """What a search found, in the latest records first."""

    asked: str
    """The words."""
    hits: tuple[SearchHit, ...]
    more: bool
    """Whether there is more after these."""

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[SearchHit]:
        return iter(self.hits)
