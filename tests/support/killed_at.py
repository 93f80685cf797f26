"""Runs pango-load and kills it with -9 before its n-th write to a journal: `python killed_at.py N WORDS...`."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pango_load.journal.store import Cell

_WRITES = ("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE", "COMMIT")


@dataclass
class Countdown:
    """How many writes are left to live."""

    left: int

    def count(self) -> None:
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


@dataclass
class DeadlyConnection:
    """A connection to a journal that dies, with its whole process, before a write."""

    real: sqlite3.Connection
    countdown: Countdown
    in_write: bool = False

    def execute(self, sql: str, parameters: Sequence[Cell] = (), /) -> sqlite3.Cursor:
        self._count(sql)
        return self.real.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Cell]], /) -> sqlite3.Cursor:
        self._count(sql)
        return self.real.executemany(sql, parameters)

    def close(self) -> None:
        self.real.close()

    def _count(self, sql: str) -> None:
        self.in_write = self.in_write or sql == "BEGIN IMMEDIATE"
        if self.in_write and sql.startswith(_WRITES):
            self.in_write = sql != "COMMIT"
            self.countdown.count()


def run_to_death(left: int) -> None:
    countdown, connect = Countdown(left), sqlite3.connect

    def deadly(address: str, **words: object) -> sqlite3.Connection | DeadlyConnection:
        real = connect(address, **words)  # type: ignore[call-overload]  # passed on as it is
        return DeadlyConnection(real, countdown) if "/runs/" in str(address) else real

    sqlite3.connect = deadly  # type: ignore[assignment]  # the process is this file's own
    from pango_load.cli.program import run

    run(sys.argv[2:])


if __name__ == "__main__":
    run_to_death(int(sys.argv[1]))
