"""Runs pango-load and kills it with -9 before its n-th write to a journal: `python killed_at.py N WORDS...`."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from functools import partial

_WRITES = ("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE", "COMMIT")


class Countdown:
    """How many writes are left to live."""

    left = int(sys.argv[1]) if __name__ == "__main__" else 0


class DeadlyConnection(sqlite3.Connection):
    """A connection to a journal that dies, with its whole process, before a write."""

    is_journal = False
    in_write = False

    def execute(self, sql: str, *rest: object) -> sqlite3.Cursor:  # type: ignore[override]  # passed on as it is
        self._count(sql)
        return super().execute(sql, *rest)

    def executemany(self, sql: str, *rest: object) -> sqlite3.Cursor:  # type: ignore[override]  # likewise
        self._count(sql)
        return super().executemany(sql, *rest)

    def _count(self, sql: str) -> None:
        self.in_write = self.in_write or sql == "BEGIN IMMEDIATE"
        if not (self.is_journal and self.in_write and sql.startswith(_WRITES)):
            return
        self.in_write = sql != "COMMIT"
        if Countdown.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        Countdown.left -= 1


def connect(address: str, *rest: object, **words: object) -> DeadlyConnection:
    real: partial[DeadlyConnection] = partial(_connect, address, *rest, factory=DeadlyConnection)
    connection = real(**words)
    connection.is_journal = "/runs/" in str(address)
    return connection


_connect = sqlite3.connect

if __name__ == "__main__":
    sqlite3.connect = connect  # type: ignore[assignment]  # the process is this file's own
    sys.argv = ["pango-load", *sys.argv[2:]]
    from pango_load.cli.main import run

    run()
