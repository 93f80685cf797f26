"""The journal's file: how it is made, opened and closed, and what its failures mean for a load."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from pango_load.errors import LoadStopped, MustBeMended, TemporaryStop, UsageError

SCHEMA_VERSION = 3
"""Raised with every change of the tables; an older program says so and leaves a newer file alone."""

APPLICATION_ID = 0x50414E47
"""`PANG` in the file's header, so that another program's file is never taken for a journal."""

GROWN = ".grown"
"""The ending of an empty file beside a journal whose load has grown: its name tells the load that it is now."""

BUSY_SECONDS = 10
"""How long a write waits for another program that has the file open, a backup for instance."""

# `batch.last` and `rejected.row` are kept as differences, which take one byte where the numbers take four. Rows of
# `retried` were rejected or refused, and stay there: what a retry came to stands over it.
_SCHEMA = """
CREATE TABLE run (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE batch (
    number INTEGER PRIMARY KEY, first INTEGER NOT NULL, span INTEGER NOT NULL, entries INTEGER NOT NULL,
    rows INTEGER NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL, lost INTEGER NOT NULL, http INTEGER);
CREATE TABLE waits_for (
    batch INTEGER NOT NULL, earlier INTEGER NOT NULL, PRIMARY KEY (batch, earlier)) WITHOUT ROWID;
CREATE TABLE part (
    position INTEGER PRIMARY KEY, batch INTEGER NOT NULL, rows INTEGER NOT NULL, state INTEGER NOT NULL,
    refusal INTEGER);
CREATE INDEX part_unknown ON part (batch) WHERE state = 4;
CREATE TABLE refusal (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL, message TEXT NOT NULL, UNIQUE (code, message));
CREATE TABLE rejected (
    position INTEGER PRIMARY KEY, row_difference INTEGER NOT NULL, file INTEGER NOT NULL, problems INTEGER NOT NULL);
CREATE TABLE problem_set (id INTEGER PRIMARY KEY, problems TEXT NOT NULL UNIQUE);
CREATE TABLE retried (position INTEGER PRIMARY KEY, state INTEGER NOT NULL, entry INTEGER);
CREATE INDEX retried_entry ON retried (entry) WHERE entry IS NOT NULL;
CREATE TABLE numbering (first INTEGER PRIMARY KEY, row_difference INTEGER NOT NULL, file INTEGER NOT NULL);
CREATE TABLE other_row (position INTEGER PRIMARY KEY, row INTEGER NOT NULL, file INTEGER NOT NULL);
CREATE TABLE skipped (first INTEGER PRIMARY KEY, rows INTEGER NOT NULL);
CREATE TABLE pace (
    slot INTEGER PRIMARY KEY, rows INTEGER NOT NULL, requests INTEGER NOT NULL, lost INTEGER NOT NULL);
CREATE TABLE waited (
    slot INTEGER NOT NULL, reason TEXT NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (slot, reason)) WITHOUT ROWID;
"""

Cell = str | int | float | None


class Connection(Protocol):
    """What the journal needs of `sqlite3.Connection`, so that a test can hand in one that fails on demand."""

    def execute(self, sql: str, parameters: Sequence[Cell] = (), /) -> sqlite3.Cursor:
        """Run one statement."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Cell]], /) -> sqlite3.Cursor:
        """Run one statement many times."""
        ...

    def close(self) -> None:
        """Let the file go."""
        ...


Connect = Callable[[Path], Connection]


def connect(path: Path) -> sqlite3.Connection:
    """Open the file at `path`, which must be there. Transactions are opened and closed by hand."""
    address = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def make_file(path: Path, values: Iterable[tuple[str, Cell]]) -> None:
    """Make an empty journal at `path` (0600) that holds `values` of its run; it appears whole or not at all.

    Raises:
        UsageError: the folder cannot be written.
        MustBeMended: the disk is full.
        FileExistsError: there is a file of that name.
    """
    if path.exists():
        raise FileExistsError(path)
    draft = path.with_name(f".{path.name}.draft")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        _fill(draft, values)
        draft.rename(path)
        _flush_folder(path.parent)
    except sqlite3.Error as error:
        draft.unlink(missing_ok=True)
        raise reason_of(error, path, opening=True) from error
    except OSError as error:
        raise UsageError(
            f"A journal cannot be made in {path.parent}: {error.strerror}.",
            "Name a folder that can be written in PANGO_STATE_DIR.",
        ) from error


def _fill(draft: Path, values: Iterable[tuple[str, Cell]]) -> None:
    db = connect(draft)
    try:
        # Written before the write-ahead log is switched on, so that the header always says whose file it is.
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA.split(";"):
            db.execute(statement)
        db.executemany("INSERT INTO run VALUES (?, ?)", values)
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode = WAL")
    finally:
        db.close()


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_file(path: Path, connect: Connect = connect) -> Connection:
    """Open the journal at `path` for writing, after looking whether it is one and whether it is whole.

    Raises:
        UsageError: it is no journal, or one of a newer program; or it cannot be opened.
        MustBeMended: it is damaged.
        TemporaryStop: another program holds it.
    """
    check_header(path)
    try:
        db = connect(path)
        try:
            check_whole(db, path)
            # FULL: a commit has reached the disk before the request that it announces leaves.
            for setting in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "checkpoint_fullfsync = ON"):
                db.execute(f"PRAGMA {setting}").fetchall()
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        raise reason_of(error, path, opening=True) from error
    return db


def open_to_read(path: Path, connect: Connect = connect) -> Connection:
    """Open the journal at `path` for reading only, while its owner may be writing.

    Raises:
        UsageError, MustBeMended, TemporaryStop: as `open_file`.
    """
    check_header(path)
    try:
        db = connect(path)
        try:
            db.execute("PRAGMA query_only = ON")
            db.execute("SELECT count(*) FROM run").fetchone()
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        raise reason_of(error, path, opening=True) from error
    return db


def check_header(path: Path) -> None:
    """Look at the file's first 100 bytes without opening it as a database: that alone could change a foreign file.

    Raises:
        UsageError: it is missing, no journal, or one of a newer program.
        MustBeMended: it is cut off.
    """
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as error:
        raise UsageError(
            f"The journal {path} cannot be opened: {error.strerror}.", "`pango-load runs` lists those that can."
        ) from error
    # https://www.sqlite.org/fileformat.html, section 1.3: user version at 60, application id at 68.
    if len(header) < 100:  # noqa: PLR2004 - the length of SQLite's header
        raise _damaged(path)
    if header[:16] != b"SQLite format 3\0" or int.from_bytes(header[68:72]) != APPLICATION_ID:
        raise UsageError(
            f"{path} is not a journal of pango-load; it was left as it is.", "Move it out of the state folder."
        )
    version = int.from_bytes(header[60:64])
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"The journal {path} is of version {version}; this pango-load reads version {SCHEMA_VERSION}.",
            "Use the pango-load that made it, or a newer one.",
        )


def check_whole(db: Connection, path: Path) -> None:
    """Let SQLite look through the file.

    Raises:
        MustBeMended: something in it is damaged.
    """
    found = db.execute("PRAGMA quick_check(1)").fetchone()
    if found is None or found[0] != "ok":
        raise _damaged(path)


def _damaged(path: Path) -> MustBeMended:
    return MustBeMended(
        f"The journal {path} is damaged; it was left as it is.",
        "Bring it back from a backup. Moving it away starts the load anew, and accepted rows would be sent again.",
    )


def reason_of(error: sqlite3.Error, path: Path, *, opening: bool = False) -> LoadStopped:
    """What a failure of SQLite means for a load: a full disk, a damaged file, a file that another program holds, ..."""
    # The low byte is the kind of failure, the others say where it happened.
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return MustBeMended(
                f"The disk that holds {path.parent} is full: the journal cannot be written.",
                "Make room there and run the same command again: it goes on where it stopped.",
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return TemporaryStop(
                f"Another program holds the journal {path}.", "Close it (a backup, a database browser) and run again."
            )
        case sqlite3.SQLITE_CONSTRAINT:
            return LoadStopped(
                f"A row or a batch came to the journal {path} twice ({error}).",
                "This is a bug of pango-load: please report it with the run's log.",
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return _damaged(path)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM if opening:
            return UsageError(
                f"The journal {path} cannot be opened for writing ({error}).",
                "Give yourself the right to write there, or name another folder in PANGO_STATE_DIR.",
            )
        case _:
            return MustBeMended(
                f"The journal {path} cannot be written ({error}).",
                "Look after that disk and run the same command again: it goes on where it stopped.",
            )


def free_bytes(folder: Path) -> int:
    """What is free for this user on the disk that holds `folder`."""
    return shutil.disk_usage(folder).free


def remove_file(path: Path) -> None:
    """Delete a journal with all that SQLite keeps beside it."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}.reserve"):
        with suppress(FileNotFoundError):
            path.with_name(name).unlink()
    for mark in path.parent.glob(f"*-{path.stem.rpartition('-')[2]}{GROWN}"):
        mark.unlink(missing_ok=True)
