"""Outcomes on their way to the disk, while their senders go on with the next batch."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Settling:
    """Records that are not waited for one by one.

    A recorder keeps the order in which it is told (see `Recorder`). So the intention of a sender's next request, which
    is waited for, is on the disk only when the outcome before it is: a crash finds no more batches in between than if
    each outcome were waited for.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    async def begin(self, recording: Coroutine[None, None, None]) -> None:
        """Let `recording` take its place in the order now; it is on the disk later.

        Raises:
            LoadStopped: whatever an earlier one ran into.
        """
        task = asyncio.create_task(recording)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        # Its first step tells the recorder, and is made before this goes on.
        await asyncio.sleep(0)
        if self._failure is not None:
            raise self._failure

    async def finish(self) -> BaseException | None:
        """Wait until all are on the disk; what the first one that is not ran into."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        return self._failure

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        failure = None if task.cancelled() else task.exception()
        self._failure = self._failure or failure
