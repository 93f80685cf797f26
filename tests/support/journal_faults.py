"""Connections to a journal that fail when a test says so."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from pango_load.journal.store import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from pango_load.journal.store import Cell

_WRITES = ("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE", "COMMIT")


class Fault(Enum):
    """What the n-th write meets."""

    FULL = sqlite3.SQLITE_FULL
    IOERR = sqlite3.SQLITE_IOERR
    BUSY = sqlite3.SQLITE_BUSY
    DEATH_BEFORE = -1
    DEATH_AFTER = -2

    @property
    def is_death(self) -> bool:
        return self.value < 0


class Died(BaseException):
    """The process is gone: nothing after this happens."""


@dataclass
class Trouble:
    """Counts writes over all connections, and lets one of them fail.

    Attributes:
        at: the number of the write that fails, from 0; None lets all pass.
        lasts: whether every later write fails likewise.
    """

    fault: Fault = Fault.FULL
    at: int | None = None
    lasts: bool = False
    writes: int = 0
    statements: list[str] = field(default_factory=list)

    def connect(self, path: Path) -> FaultyConnection:
        return FaultyConnection(connect(path), self)

    @property
    def is_dead(self) -> bool:
        return self.fault.is_death and self.at is not None and self.writes > self.at


@dataclass
class FaultyConnection:
    """A connection that asks `trouble` before each write."""

    real: sqlite3.Connection
    trouble: Trouble
    in_write: bool = False

    def execute(self, sql: str, parameters: Sequence[Cell] = (), /) -> sqlite3.Cursor:
        return self._run(sql, lambda: self.real.execute(sql, parameters))

    def executemany(self, sql: str, parameters: Iterable[Sequence[Cell]], /) -> sqlite3.Cursor:
        return self._run(sql, lambda: self.real.executemany(sql, parameters))

    def close(self) -> None:
        self.real.close()

    def _run(self, sql: str, act: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor:
        trouble = self.trouble
        self.in_write = self.in_write or sql == "BEGIN IMMEDIATE"
        if not (self.in_write and sql.startswith(_WRITES)):
            return act()
        number, trouble.writes = trouble.writes, trouble.writes + 1
        trouble.statements.append(sql)
        self.in_write = sql != "COMMIT"
        if trouble.at is None or number < trouble.at or (number > trouble.at and not trouble.lasts):
            if trouble.is_dead:
                raise Died
            return act()
        match trouble.fault:
            case Fault.DEATH_AFTER if number == trouble.at:
                act()
                raise Died
            case Fault.DEATH_BEFORE | Fault.DEATH_AFTER:
                raise Died
            case Fault.FULL:
                # SQLite itself rolls back when the disk is full.
                if self.real.in_transaction:
                    self.real.execute("ROLLBACK")
        error = sqlite3.OperationalError(f"injected at {number}")
        error.sqlite_errorcode = trouble.fault.value
        raise error
