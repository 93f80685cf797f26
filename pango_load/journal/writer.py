"""The one thread that writes: what waits together is committed together, and nobody goes on before it is durable."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from pango_load.errors import LoadStopped, TemporaryStop
from pango_load.journal.store import reason_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pango_load.clock import Clock
    from pango_load.journal.ledger import Ledger

GROUP = 512
"""Entries of the ledger in one transaction at most."""

LINGER = 0.001
"""Seconds in which entries of coroutines gather before they are written: at 2,000 requests a second this halves the
processor's work and leaves a fifth of the flushes (docs/journal.md)."""

RESERVE = 1 << 20
"""Bytes kept aside so that what was in flight can still be written down when the disk is full."""


@dataclass(slots=True, eq=False)
class Entry:
    """Something to be written, and who waits for it.

    Attributes:
        write: what to do to the ledger.
        is_intent: it announces a request. Once a write has failed no request is announced any more, whereas the
            outcome of what is in flight is still tried.
        waiting: the waiting coroutine's future, or the waiting thread's.
        loop: where that coroutine runs.
    """

    write: Callable[[Ledger], None]
    is_intent: bool
    waiting: asyncio.Future[None] | Future[None]
    loop: asyncio.AbstractEventLoop | None = None
    failure: BaseException | None = None


@dataclass(slots=True)
class Writer:
    """Takes entries from any thread, writes them in their order, and tells when they are durable.

    Commits group by themselves: while one is flushed to the disk, and for a moment after, the next entries gather.

    Args:
        ledger: used by the writer's own thread only.
        path: the journal, for messages and for its reserve.
        clock: for the pace of the load.
    """

    ledger: Ledger
    path: Path
    clock: Clock
    stopped: LoadStopped | None = None
    _queue: SimpleQueue[Entry | None] = field(default_factory=SimpleQueue)
    _thread: threading.Thread | None = None
    _closing: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin to take entries."""
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what still waits, and end the thread."""
        self._closing.set()
        if self._thread:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def write_now(self, write: Callable[[Ledger], None]) -> None:
        """Write one entry and wait until it is durable; for threads, not for coroutines.

        Raises:
            LoadStopped: it was not written, and why.
        """
        waiting: Future[None] = Future()
        self._put(Entry(write, is_intent=False, waiting=waiting))
        waiting.result()

    async def write(self, write: Callable[[Ledger], None], *, is_intent: bool = False) -> None:
        """Write one entry and wait until it is durable.

        Raises:
            LoadStopped: it was not written, and why.
        """
        await self.place(write, is_intent=is_intent)

    def place(self, write: Callable[[Ledger], None], *, is_intent: bool = False) -> asyncio.Future[None]:
        """Put one entry in its place; the future is done when it is durable, or says why it was not written."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        self._put(Entry(write, is_intent=is_intent, waiting=waiting, loop=loop))
        return waiting

    def put(self, write: Callable[[Ledger], None]) -> None:
        """Write one entry some time soon; nobody waits, and nobody is told if it fails."""
        self._put(Entry(write, is_intent=False, waiting=Future()))

    def _put(self, entry: Entry) -> None:
        if self._closing.is_set() or not (self._thread and self._thread.is_alive()):
            raise LoadStopped(f"The journal {self.path} is closed.")
        self._queue.put(entry)

    # --- the thread's own side ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        is_open = True
        while is_open:
            entry = self._queue.get()
            if entry and entry.loop:
                self._closing.wait(LINGER)
            group: list[Entry] = []
            with suppress(Empty):
                while entry is not None:
                    group.append(entry)
                    if len(group) == GROUP:
                        break
                    entry = self._queue.get_nowait()
            is_open = entry is not None
            try:
                self._write_group(group)
            finally:
                _tell(group)

    def _write_group(self, group: list[Entry]) -> None:
        if not group:
            return
        try:
            self._commit([entry for entry in group if self._is_allowed(entry)])
        except sqlite3.Error as error:
            self._undo()
            self._write_singly(group, error)
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it, or waits for ever
            for entry in group:
                entry.failure = entry.failure or error
            self._undo()

    def _is_allowed(self, entry: Entry) -> bool:
        if entry.is_intent and self.stopped:
            entry.failure = self.stopped
        elif entry.loop and entry.waiting.cancelled() and entry.is_intent:
            return False
        return entry.failure is None

    def _commit(self, group: list[Entry]) -> None:
        db = self.ledger.db
        db.execute("BEGIN IMMEDIATE")
        for entry in group:
            try:
                entry.write(self.ledger)
            except LoadStopped as refused:
                # It was refused before anything of it was written; its neighbours go on.
                entry.failure = refused
        self.ledger.note_pace(self.clock.now())
        db.execute("COMMIT")

    def _write_singly(self, group: list[Entry], error: sqlite3.Error) -> None:
        """Try once more, one by one: no intent now, unless it only took another program too long to let go."""
        reason = reason_of(error, self.path)
        if not isinstance(reason, TemporaryStop):
            self.stopped = reason
            self.drop_reserve()
        for entry in filter(self._is_allowed, group):
            try:
                self._commit([entry])
            except sqlite3.Error as again:
                self._undo()
                self.stopped = entry.failure = reason_of(again, self.path)

    def _undo(self) -> None:
        self.ledger.forget_pace()
        # SQLite has rolled back by itself after a full disk; then there is nothing to roll back.
        with suppress(sqlite3.Error):
            self.ledger.db.execute("ROLLBACK")

    # --- the reserve --------------------------------------------------------------------------------------------------

    @property
    def _reserve(self) -> Path:
        return self.path.with_name(f"{self.path.name}.reserve")

    def keep_reserve(self) -> None:
        """Take 1 MiB of the disk, to be given up when it is full.

        Raises:
            OSError: there is not even so much.
        """
        handle = os.open(self._reserve, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            # Written out, since some file systems only promise what is merely allocated.
            os.write(handle, b"\0" * RESERVE)
        finally:
            os.close(handle)

    def drop_reserve(self) -> None:
        """Give the reserve back."""
        with suppress(OSError):
            self._reserve.unlink()


def _tell(group: list[Entry]) -> None:
    """Wake whoever waits: one call for each event loop, not one for each entry."""
    loops: dict[asyncio.AbstractEventLoop, list[Entry]] = {}
    for entry in group:
        if entry.loop:
            loops.setdefault(entry.loop, []).append(entry)
        elif not entry.waiting.done():
            _resolve([entry])
    for loop, entries in loops.items():
        # A loop that is closed has nobody left who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_resolve, entries)


def _resolve(group: list[Entry]) -> None:
    for entry in group:
        if entry.waiting.done():
            continue
        if entry.failure:
            entry.waiting.set_exception(entry.failure)
        else:
            entry.waiting.set_result(None)
