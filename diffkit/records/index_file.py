"""The file of the index: opened if it is ours and fits, made again if not, else kept in memory."""

import contextlib
import logging
import os
import sqlite3
from pathlib import Path

from diffkit.records.files import KINDS

log = logging.getLogger("diffkit.records")

INDEX_FILE = "index.sqlite"
"""Name of the index in a store."""
FORMAT = 1
"""Raised when the tables change; an index of another format is made again."""
WAIT = 60.0
"""Seconds to wait for another process that writes the index."""
_APPLICATION = 0x64666B69  # "dfki"

_TABLES = (
    "CREATE TABLE store (place TEXT NOT NULL)",
    "CREATE TABLE folders (kind TEXT PRIMARY KEY, modified INTEGER NOT NULL)",
    "CREATE TABLE records (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, "
    "modified INTEGER NOT NULL, size INTEGER NOT NULL, time TEXT NOT NULL, method TEXT NOT NULL, "
    "organism TEXT NOT NULL, base TEXT NOT NULL, label TEXT NOT NULL, outcome TEXT NOT NULL, "
    "problem TEXT NOT NULL, searched INTEGER NOT NULL DEFAULT 0, UNIQUE (kind, name))",
    "CREATE INDEX by_time ON records (kind, problem, time)",
    "CREATE INDEX by_method ON records (kind, problem, method, time)",
    "CREATE INDEX by_organism ON records (kind, problem, organism, time)",
    "CREATE INDEX by_base ON records (kind, problem, base, time)",
    "CREATE INDEX by_label ON records (kind, problem, label, time)",
    "CREATE INDEX by_outcome ON records (kind, problem, outcome, time)",
    "CREATE INDEX unsearched ON records (searched, time)",
    "CREATE TABLE places (kind TEXT NOT NULL, name TEXT NOT NULL, evaluation TEXT NOT NULL, "
    "method TEXT NOT NULL, organism TEXT NOT NULL, base TEXT NOT NULL, label TEXT NOT NULL)",
    "CREATE INDEX place_of ON places (kind, name)",
    "CREATE INDEX place_by_method ON places (kind, method)",
    "CREATE INDEX place_by_organism ON places (kind, organism)",
    "CREATE INDEX place_by_label ON places (kind, label)",
    "CREATE INDEX place_by_evaluation ON places (evaluation)",
    "CREATE TABLE passages (id INTEGER PRIMARY KEY, record INTEGER NOT NULL, "
    "number INTEGER NOT NULL)",
    "CREATE INDEX passages_of ON passages (record)",
    "CREATE VIRTUAL TABLE words USING fts5 (text, content='')",
)


def open_index(root: Path) -> sqlite3.Connection:
    """The index of the store ``root``, with its tables, which may be empty or out of date.

    A file that is another program's, of another store, damaged or of another format is replaced. A
    link, a folder, or a store that may not be written leave the index in memory.
    """
    path = root / INDEX_FILE
    if _may_be_file(path):
        with contextlib.suppress(sqlite3.Error):
            return _checked(_connect(path), root)
    return replace_index(root)


def replace_index(root: Path) -> sqlite3.Connection:
    """An index that is made from nothing: in the store if that is possible, else in memory."""
    path = root / INDEX_FILE
    if _may_be_file(path) and os.access(root, os.W_OK):
        with contextlib.suppress(sqlite3.Error, OSError):
            _remove(path)
            return _checked(_connect(path), root)
    log.info("The index of %s is kept in memory: %s cannot be written.", root, INDEX_FILE)
    return index_in_memory(root)


def index_in_memory(root: Path, source: sqlite3.Connection | None = None) -> sqlite3.Connection:
    """An index that no file keeps; a copy of ``source`` if that is given."""
    connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    if source is not None:
        source.backup(connection)
    return _checked(connection, root)


def _may_be_file(path: Path) -> bool:
    """Whether the index may be a file here: nothing leads elsewhere, and there is a store."""
    beside = [path, *(path.with_name(f"{path.name}{end}") for end in ("-journal", "-wal", "-shm"))]
    linked = any(one.is_symlink() for one in beside)
    return path.parent.is_dir() and not linked and (path.is_file() or not path.exists())


def _remove(path: Path) -> None:
    for end in ("", "-journal", "-wal", "-shm"):
        path.with_name(f"{path.name}{end}").unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    writable = os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))
    address = f"{path.absolute().as_uri()}?mode={'rwc' if writable else 'ro'}"
    return sqlite3.connect(
        address, uri=True, timeout=WAIT, check_same_thread=False, isolation_level=None
    )


def _checked(connection: sqlite3.Connection, root: Path) -> sqlite3.Connection:
    """The connection with the tables of an index of this store.

    Raises:
        sqlite3.Error: the file holds something else.
    """
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA synchronous = OFF")  # it can be made again
        if not _is_made(connection):
            _make(connection, root)
        _check_made(connection, root)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_made(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _make(connection: sqlite3.Connection, root: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        if _is_made(connection):  # by another process, which was faster
            return
        for statement in _TABLES:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("INSERT INTO store VALUES (?)", (place_of_store(root),))
        rows = [(kind, 0) for kind in KINDS]
        connection.executemany("INSERT INTO folders VALUES (?, ?)", rows)


def _check_made(connection: sqlite3.Connection, root: Path) -> None:
    found = [
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("application_id", "user_version")
    ]
    made = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql NOTNULL")}
    foreign = {sql for sql in made - set(_TABLES) if not sql.startswith("CREATE TABLE 'words_")}
    stores = [place for (place,) in connection.execute("SELECT place FROM store")]
    if (
        found != [_APPLICATION, FORMAT]
        or foreign
        or not set(_TABLES) <= made
        or stores != [place_of_store(root)]
    ):
        msg = "another file, another format, or the index of another store"
        raise sqlite3.DatabaseError(msg)


def place_of_store(root: Path) -> str:
    """By what an index knows its store: a copy elsewhere is another store."""
    found = root.stat()
    return f"{root}:{found.st_dev}:{found.st_ino}"
