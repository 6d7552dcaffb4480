# ruff: noqa: S608
"""The index of a store: which records there are, by label, method, organism and words.

It is rebuilt from the records when it is out of date. Its answers are names of records; callers
read these and check that they fit. Texts of queries are written here; values are parameters.
"""

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from diffkit.errors import StoreError
from diffkit.evaluation.record import Evaluation
from diffkit.records.files import (
    KINDS,
    FileStamp,
    RecordKind,
    check_file,
    folder_time,
    names_in,
    record_file,
)
from diffkit.records.index_file import index_in_memory, open_index, replace_index
from diffkit.records.passages import match_expression, passages, searchable
from diffkit.records.rows import IndexedRecord, places_of, read_indexed
from diffkit.runs.files import read_stored

SETTLED = 2 * 10**9
"""Nanoseconds after which a folder's time tells two changes apart, on every file system."""
_BATCH = 200
"""Records whose text is added at a time; other processes may write in between."""


@dataclass(frozen=True)
class Query:
    """Which records are wanted; none means all."""

    kind: RecordKind
    filters: Mapping[str, str] = field(default_factory=dict)
    """``method``, ``organism``, ``base``, ``label``, ``outcome`` → its value."""

    @property
    def condition(self) -> tuple[str, list[str]]:
        """SQL, and its parameters; columns are those of ``records``."""
        parts = ["records.kind = ? AND records.problem = ''"]
        values: list[str] = [self.kind]
        own = {
            name: value
            for name, value in self.filters.items()
            if self.kind == "runs" or name == "outcome"
        }
        parts += [f"records.{name} = ?" for name in own]
        values += own.values()
        if placed := {name: one for name, one in self.filters.items() if name not in own}:
            inner = " AND ".join(f"places.{name} = ?" for name in placed)
            parts.append(
                "records.name IN (SELECT places.name FROM places WHERE places.kind = ? "
                f"AND {inner})"
            )
            values += [self.kind, *placed.values()]
        return " AND ".join(parts), values


@dataclass(frozen=True)
class FoundPassage:
    """A passage of a record that has the words."""

    kind: RecordKind
    name: str
    number: int


class Index:
    """The index of one store; several threads and processes may use it.

    Args:
        root: the store's folder, with links resolved.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.RLock()
        self._connection = open_index(root)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def names(self, query: Query, start: int, count: int) -> list[str]:
        """Names of records, latest first."""
        where, values = query.condition
        order = "ORDER BY records.time DESC, records.name LIMIT ? OFFSET ?"
        sql = f"SELECT records.name FROM records WHERE {where} {order}"
        return [name for (name,) in self._ask(sql, [*values, count, start])]

    def count(self, query: Query) -> int:
        """How many records there are."""
        where, values = query.condition
        found = self._ask(f"SELECT count(*) FROM records WHERE {where}", values)
        return int(found[0][0])

    def begins(self, kind: RecordKind, prefix: str) -> list[str]:
        """Names of a kind that begin so, two at most."""
        sql = "SELECT name FROM records WHERE kind = ? AND name >= ? AND name < ? LIMIT 2"
        return [name for (name,) in self._ask(sql, [kind, prefix, f"{prefix}\U0010ffff"])]

    def values(self, kind: RecordKind, column: str) -> list[str]:
        """The values that records of a kind have in a column, sorted."""
        sql = f"SELECT DISTINCT {column} FROM records WHERE kind = ? AND problem = ''"
        return sorted(value for (value,) in self._ask(sql, [kind]) if value)

    def problems(self) -> list[str]:
        """Why records cannot be read, a line for each."""
        found = self._ask("SELECT problem FROM records WHERE problem != '' ORDER BY kind, name", [])
        return [problem for (problem,) in found]

    def evaluations_naming(self, kind: RecordKind, name: str) -> list[str]:
        """Names of evaluations that name an attempt or a grade."""
        sql = "SELECT DISTINCT evaluation FROM places WHERE kind = ? AND name = ?"
        return [one for (one,) in self._ask(sql, [kind, name])]

    def find(
        self, text: str, queries: Sequence[Query], start: int, count: int
    ) -> list[FoundPassage]:
        """Passages with all words of ``text``, those of the latest records first."""
        with self._lock:
            try:
                self._add_text()
            except sqlite3.DatabaseError:
                self._renew()
                self._refresh(every=True)
                self._add_text()
        conditions = [query.condition for query in queries]
        where = " OR ".join(f"({sql})" for sql, _ in conditions)
        values = [value for _, inner in conditions for value in inner]
        sql = (
            "SELECT records.kind, records.name, passages.number FROM words "
            "JOIN passages ON passages.id = words.rowid "
            "JOIN records ON records.id = passages.record "
            f"WHERE words MATCH ? AND ({where}) ORDER BY words.rowid DESC LIMIT ? OFFSET ?"
        )
        found = self._ask(sql, [match_expression(text), *values, count, start])
        return [FoundPassage(*row) for row in found]

    def refresh(self, *, every: bool = False) -> None:
        """Takes in what has changed since.

        Args:
            every: whether every record is looked at, not only folders that have changed.
        """
        with self._lock:
            try:
                self._refresh(every=every)
            except sqlite3.DatabaseError:
                self._renew()
                self._refresh(every=True)

    def _refresh(self, *, every: bool) -> None:
        if stale := [kind for kind in KINDS if every or self._is_stale(kind)]:
            with self._writing():
                for kind in stale:
                    self._rescan(kind)

    def _renew(self) -> None:
        """Makes the index from nothing: its file is damaged where nobody had looked."""
        self._connection.close()
        self._connection = replace_index(self._root)

    def forget(self, kind: RecordKind, name: str) -> None:
        """Reads a record again, which was not as the index has it."""
        with self._writing():
            self._update(kind, name)

    def _ask(self, sql: str, values: Sequence[object]) -> list[tuple]:  # type: ignore[type-arg]
        with self._lock:
            try:
                return self._fetch(sql, values)
            except sqlite3.DatabaseError:
                self._renew()
                self._refresh(every=True)
                return self._fetch(sql, values)

    def _fetch(self, sql: str, values: Sequence[object]) -> list[tuple]:  # type: ignore[type-arg]
        with closing(self._connection.execute(sql, values)) as found:
            return found.fetchall()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One change: all of it or nothing. Where the file cannot be written, memory is."""
        with self._lock:
            try:
                self._begin()
            except sqlite3.OperationalError:  # a folder that is read-only, or no end of waiting
                before = self._connection
                before.rollback()
                self._connection = index_in_memory(self._root, before)
                before.close()
                self._begin()
            with self._connection:
                yield

    def _begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("UPDATE store SET place = place")  # a file may be read-only

    def _is_stale(self, kind: RecordKind) -> bool:
        known = self._fetch("SELECT modified FROM folders WHERE kind = ?", [kind])
        return known != [(folder_time(self._root, kind),)]

    def _rescan(self, kind: RecordKind) -> None:
        """Compares a folder with what is known of it; reads records that are new or changed."""
        seen, began = folder_time(self._root, kind), time.time_ns()
        sql = "SELECT name, modified, size FROM records WHERE kind = ?"
        known = {name: FileStamp(*stamp) for name, *stamp in self._fetch(sql, [kind])}
        there = set(names_in(self._root, kind))
        for name in known.keys() - there:
            self._remove(kind, name)
        fresh = [name for name in there if self._stamp(kind, name) != known.get(name)]
        records = [read_indexed(self._root, kind, name) for name in fresh]
        for record in sorted(records, key=lambda one: one.time):
            self._put(record)
        settled = seen if began - seen > SETTLED else 0
        self._connection.execute("UPDATE folders SET modified = ? WHERE kind = ?", (settled, kind))

    def _stamp(self, kind: RecordKind, name: str) -> FileStamp:
        try:
            return check_file(self._root, record_file(self._root, kind, name))
        except StoreError:
            return FileStamp(0, 0)

    def _update(self, kind: RecordKind, name: str) -> None:
        record = read_indexed(self._root, kind, name)
        there = record_file(self._root, kind, name)
        if there.exists() or (kind != "evaluations" and there.parent.is_dir()):
            self._put(record)
        else:
            self._remove(kind, name)

    def _remove(self, kind: RecordKind, name: str) -> None:
        run = self._connection.execute
        which = "(SELECT id FROM records WHERE kind = ? AND name = ?)"
        run(f"DELETE FROM passages WHERE record IN {which}", (kind, name))
        run("DELETE FROM records WHERE kind = ? AND name = ?", (kind, name))
        if kind == "evaluations":
            run("DELETE FROM places WHERE evaluation = ?", (name,))

    def _put(self, record: IndexedRecord) -> None:
        self._remove(record.kind, record.name)
        labels, label = record.labels, record.labels.pair if record.labels.known else ""
        found = (record.method, labels.organism, labels.base, label, record.outcome, record.problem)
        key = (record.kind, record.name, record.stamp.modified, record.stamp.size, record.time)
        self._connection.execute(
            "INSERT INTO records (kind, name, modified, size, time, method, organism, base, label, "
            "outcome, problem) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*key, *found),
        )
        if record.kind == "evaluations" and not record.problem:
            file = record_file(self._root, record.kind, record.name)
            self._put_places(record.name, read_stored(file, Evaluation))

    def _put_places(self, name: str, evaluation: Evaluation) -> None:
        rows = {
            (*key, name, place.method, place.organism, place.base, place.label)
            for key, places in places_of(evaluation).items()
            for place in places
        }
        self._connection.executemany("INSERT INTO places VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def _add_text(self) -> None:
        """Adds the text of records that were not searched yet."""
        sql = (
            "SELECT id, kind, name FROM records WHERE searched = 0 AND problem = '' "
            "AND kind != 'evaluations' ORDER BY time LIMIT ?"
        )
        while batch := self._fetch(sql, [_BATCH]):
            with self._writing():
                self._add_passages(batch)

    def _add_passages(self, batch: Iterable[tuple[int, RecordKind, str]]) -> None:
        run = self._connection.execute
        for record, kind, name in batch:
            for number, passage in enumerate(passages(self._root, kind, name)):
                made = run("INSERT INTO passages (record, number) VALUES (?, ?)", (record, number))
                words = (made.lastrowid, searchable(passage.text))
                run("INSERT INTO words (rowid, text) VALUES (?, ?)", words)
            run("UPDATE records SET searched = 1 WHERE id = ?", (record,))
