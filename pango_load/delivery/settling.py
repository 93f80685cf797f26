"""Outcomes on their way to the disk, while their senders go on with the next batch."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Settling:
    """Records that are not waited for one by one.

    A recorder keeps the order in which it is told (see `Recorder`). So the intention of a sender's next request, which
    is waited for, is on the disk only when the outcome before it is: a crash finds no more batches in between than if
    each outcome were waited for.
    """

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()
        self._failure: BaseException | None = None

    async def begin(self, recording: Awaitable[None], then: Callable[[], None]) -> None:
        """Let `recording` take its place in the order now; it is on the disk later, and `then` is called.

        Raises:
            LoadStopped: whatever an earlier one ran into.
        """
        waiting = asyncio.ensure_future(recording)
        self._waiting.add(waiting)
        waiting.add_done_callback(partial(self._ended, then))
        if waiting is not recording:
            # A coroutine tells the recorder in its first step, and that is made before this goes on.
            await asyncio.sleep(0)
        if self._failure is not None:
            raise self._failure

    async def finish(self) -> BaseException | None:
        """Wait until all are on the disk; what the first one that is not ran into."""
        while self._waiting:
            await asyncio.wait(self._waiting)
        return self._failure

    def _ended(self, then: Callable[[], None], waiting: asyncio.Future[None]) -> None:
        self._waiting.discard(waiting)
        if waiting.cancelled():
            return
        failure = waiting.exception()
        if failure is None:
            try:
                then()
            except Exception as error:  # noqa: BLE001 - it ends the load, as what a recorder raises does
                failure = error
        self._failure = self._failure or failure
