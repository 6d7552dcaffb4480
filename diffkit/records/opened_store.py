"""A store that is open for reading."""

import os
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from diffkit.errors import StoreError, UserError
from diffkit.evaluation.leaderboard.build import build_leaderboard
from diffkit.evaluation.leaderboard.schema import Leaderboard
from diffkit.evaluation.record import (
    Evaluation,
    read_evaluation,
)
from diffkit.records.files import ANY_SIZE, FILES, RecordKind, check_file
from diffkit.records.index import FoundPassage, Index, Query
from diffkit.records.listing import (
    Listing,
    SearchHit,
    SearchResults,
    StoredAttempt,
    StoredGrade,
)
from diffkit.records.passages import TextPassage, excerpt, passages
from diffkit.records.record_reader import RecordReader
from diffkit.runs.manifest import StoredRun
from diffkit.runs.store import Store, store_folder


def open_store(path: str | os.PathLike[str] | None = None) -> "OpenedStore":
    """Opens a store for reading; no model is loaded, and torch is not imported.

    Args:
        path: the folder; none: what the variable ``DIFFKIT_STORE`` names, else ``diffkit-runs``.

    Raises:
        UserError: there is no such folder.
        StoreError: it is no store, or a newer diffkit wrote it.
    """
    folder = store_folder(None if path is None else Path(path))
    store = Store(folder)
    store.check()
    if not folder.is_dir():
        what = f"There is no store {folder}."
        raise UserError(what, hint="Make one with `diffkit demo`, or name another folder.")
    return OpenedStore(Store(Path(os.path.realpath(folder))))


class OpenedStore:
    """Lists, reads and searches the records of a store; writes nothing but the index beside them.

    A listing asks the index which records there are, and reads those that are shown. What is
    shown is data: damaged records, and files that lead outside the store, are left out and named.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reader = RecordReader(store.root, self._evaluations_naming)

        self.folder = store.root
        """The store's folder, with links resolved."""

    def __repr__(self) -> str:
        return f"<store {self.folder}>"

    @cached_property
    def _index(self) -> Index:
        return Index(self.folder)

    def _evaluations_naming(self, kind: RecordKind, name: str) -> list[str]:
        return self._index.evaluations_naming(kind, name)

    @property
    def index(self) -> Index:
        """The index, brought up to date."""
        self._index.refresh()
        return self._index

    def refresh(self) -> None:
        """Looks at every record again, also at those that were edited in place."""
        self._index.refresh(every=True)

    def close(self) -> None:
        """Closes the index."""
        self._index.close()

    def problems(self) -> tuple[str, ...]:
        """Why records are left out, a line for each."""
        return tuple(self.index.problems())

    def runs(
        self,
        *,
        method: str | None = None,
        organism: str | None = None,
        base: str | None = None,
        label: str | None = None,
    ) -> Listing[StoredRun]:
        """Finished runs, latest first.

        Args:
            method: name of a method or study.
            organism: name of an organism.
            base: name of a base.
            label: what was compared, as listings show it: ``cake on tiny-qwen3``.
        """
        wanted = _given(method=method, organism=organism, base=base, label=label)
        return self._listing("runs", "runs", wanted, partial(self._reader.fitting_run, wanted))

    def attempts(
        self,
        *,
        method: str | None = None,
        organism: str | None = None,
        base: str | None = None,
        label: str | None = None,
        outcome: str | None = None,
    ) -> Listing[StoredAttempt]:
        """Attempts of investigators, latest first.

        Args:
            method: name of the method whose findings were given, as evaluations have it.
            organism: name of the organism, likewise.
            base: name of the base, likewise.
            label: the pair, as listings show it.
            outcome: how they ended.
        """
        placed = _given(method=method, organism=organism, base=base, label=label)
        read = partial(self._reader.fitting_attempt, placed, outcome)
        return self._listing("attempts", "attempts", placed | _given(outcome=outcome), read)

    def grades(
        self,
        *,
        method: str | None = None,
        organism: str | None = None,
        base: str | None = None,
        label: str | None = None,
    ) -> Listing[StoredGrade]:
        """Grades, latest first; arguments are those of `attempts`."""
        placed = _given(method=method, organism=organism, base=base, label=label)
        return self._listing(
            "grades", "grades", placed, partial(self._reader.fitting_grade, placed)
        )

    def evaluations(self) -> Listing[Evaluation]:
        """Evaluations, latest first."""
        return self._listing("evaluations", "evaluations", {}, self._reader.evaluation)

    def run(self, digest: str) -> StoredRun:
        """The run whose digest is, or starts with, ``digest``.

        Raises:
            UserError: none does, or several do.
            StoreError: it is damaged, or leads outside the store.
        """
        return self._reader.run(self._find("runs", digest))

    def attempt(self, digest: str) -> StoredAttempt:
        """The attempt whose digest is, or starts with, ``digest``; errors as for `run`."""
        return self._reader.attempt(self._find("attempts", digest))

    def grade(self, digest: str) -> StoredGrade:
        """The grade whose digest is, or starts with, ``digest``; errors as for `run`."""
        return self._reader.grade(self._find("grades", digest))

    def evaluation(self, name: str | None = None) -> Evaluation:
        """The evaluation ``name``, or the latest one.

        Raises:
            UserError: there is no such evaluation.
            StoreError: its file is damaged.
        """
        for file in sorted((self.folder / "evaluations").glob("*.json")):
            if name in (None, file.stem):
                check_file(self.folder, file, limit=ANY_SIZE)
        return read_evaluation(self._store, name)

    def leaderboard(self, name: str | None = None) -> Leaderboard:
        """The leaderboard of the evaluation ``name``, or of the latest one.

        Raises:
            UserError: there is no such evaluation.
            StoreError: a record of it is missing or damaged.
        """
        evaluation = self.evaluation(name)
        for kind, digest in _named_by(evaluation):
            file = self._store.place(kind, digest) / FILES[kind]
            if file.exists():
                check_file(self.folder, file)
        return build_leaderboard(evaluation, self._store)

    def search(
        self,
        text: str,
        *,
        method: str | None = None,
        organism: str | None = None,
        label: str | None = None,
        start: int = 0,
        limit: int = 20,
    ) -> SearchResults:
        """Passages of findings, verdicts, grades and transcripts that have all words of ``text``.

        Words are compared without case and accents; those in double quotes stand in this order. The
        first search reads all records once. Passages are shown as the records have them now.

        Args:
            text: the words.
            method: only records of this method.
            organism: only records of this organism.
            label: only records of this pair.
            start: how many hits to leave out.
            limit: how many hits to give at most.

        Raises:
            UserError: ``text`` has no word.
        """
        wanted = _given(method=method, organism=organism, label=label)
        queries = [Query(kind, wanted) for kind in FILES]
        found = self.index.find(text, queries, start, limit + 1)
        read = _PassageReader(self.folder)
        hits = [self._hit(one, text, read(one)) for one in found[:limit]]
        return SearchResults(text, tuple(filter(None, hits)), more=len(found) > limit)

    def _listing(
        self,
        title: str,
        kind: RecordKind,
        filters: dict[str, str],
        read: Callable[[str], Any],
    ) -> Listing[Any]:
        query, index = Query(kind, filters), self.index
        shown = ", ".join(f"{name} {value}" for name, value in filters.items())
        return Listing(
            f"{title} of {shown}" if shown else title,
            partial(index.count, query),
            partial(index.names, query),
            read,
        )

    def _find(self, kind: RecordKind, prefix: str) -> str:
        if not prefix.isalnum():
            raise UserError(f"{prefix!r} is no digest.", hint="List them with `diffkit runs list`.")
        return self._store.find(prefix, (kind,)).name  # type: ignore[arg-type]

    def _hit(
        self, found: FoundPassage, asked: str, passage: TextPassage | None
    ) -> SearchHit | None:
        """A passage as the record has it now; none if the record has changed or gone."""
        if passage is None:
            return None
        label = method = ""
        try:
            if found.kind == "runs":
                manifest = self._reader.run(found.name).manifest
                label, method = manifest.labels.pair, manifest.identity.method
            else:
                for place in self._reader.places(found.kind, found.name):
                    label, method = place.label, place.method
                    break
        except StoreError:
            return None
        said = excerpt(passage.text, asked)
        where = (passage.name, passage.finding, passage.row, passage.turn)
        return SearchHit(found.kind, found.name, label, method, said, *where)


class _PassageReader:
    """Reads the passages of search results, each record once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[tuple[RecordKind, str], list[TextPassage]] = {}

    def __call__(self, found: FoundPassage) -> TextPassage | None:
        key = (found.kind, found.name)
        if key not in self._read:
            self._read[key] = passages(self._root, *key)
        there = self._read[key]
        return there[found.number] if 0 <= found.number < len(there) else None


def _named_by(evaluation: Evaluation) -> set[tuple[Literal["runs", "attempts", "grades"], str]]:
    """The records that an evaluation names."""
    found: set[tuple[Literal["runs", "attempts", "grades"], str]] = set()
    for entry in evaluation.entries:
        found |= {("runs", entry.run)} if entry.run else set()
        for ref in entry.judged:
            found.add(("attempts", ref.attempt))
            found |= {("grades", ref.grade)} if ref.grade else set()
    return found


def _given(**filters: str | None) -> dict[str, str]:
    return {name: value for name, value in filters.items() if value is not None}
