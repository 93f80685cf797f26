"""Questions to a journal's file, from any thread, without keeping its writer waiting."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from pango_load.journal.store import Cell, Connection, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

PAGE = 1000
"""Lines fetched at once."""


class Questions:
    """A connection that only reads.

    Args:
        path: the journal.
        db: a connection of its own.
    """

    def __init__(self, path: Path, db: Connection) -> None:
        self.path = path
        self._reading = db
        self._turn = threading.Lock()

    def close(self) -> None:
        """Let the file go."""
        with self._turn:
            self._reading.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _paged(self, sql: str, start: int, *others: int, order: str = "1") -> Iterator[tuple[int, ...]]:
        """Lines whose first column grows, a page at a time: no long read keeps the writer's log from being folded."""
        while page := self._rows(f"{sql} ORDER BY {order} LIMIT {PAGE}", (start, *others)):
            yield from page
            start = page[-1][0]

    def _rows(self, sql: str, parameters: Sequence[Cell] = ()) -> list[tuple[int, ...]]:
        """What a question that is answered in numbers gives."""
        with self._asked() as db:
            return db.execute(sql, parameters).fetchall()

    def _texts(self, sql: str, parameters: Sequence[Cell] = ()) -> list[tuple[str, ...]]:
        """What a question that is answered in words gives; numbers come as their digits."""
        with self._asked() as db:
            return [tuple(str(cell) for cell in row) for row in db.execute(sql, parameters)]

    @contextmanager
    def _moment(self) -> Iterator[Connection]:
        """Everything asked within is of one moment."""
        with self._asked() as db:
            db.execute("BEGIN")
            try:
                yield db
            finally:
                db.execute("COMMIT")

    @contextmanager
    def _asked(self) -> Iterator[Connection]:
        """The connection, for one thread at a time.

        Raises:
            LoadStopped: the file cannot be read.
        """
        with self._turn:
            try:
                yield self._reading
            except sqlite3.Error as error:
                raise reason_of(error, self.path) from error
