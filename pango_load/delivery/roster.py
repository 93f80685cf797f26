"""Who is in the middle of something that must be finished and recorded, and who may be called off."""

from __future__ import annotations

import asyncio


class CalledOff(Exception):  # noqa: N818 - it says what happened
    """The load ends, and this sender has finished and recorded what it had under way."""


class Roster:
    """The senders that must not be interrupted now: a request of theirs has left, or its answer is not recorded yet."""

    def __init__(self) -> None:
        self._busy: set[asyncio.Task[None]] = set()
        self.is_ending = False

    def begin(self) -> None:
        """The running task is about to let a request leave.

        Raises:
            CalledOff: where the load ends.
        """
        if self.is_ending:
            raise CalledOff
        self._busy.add(_running())

    def rest(self) -> None:
        """The running task has recorded everything, and is about to wait for something.

        Raises:
            CalledOff: where the load ends.
        """
        self._busy.discard(_running())
        if self.is_ending:
            raise CalledOff

    def leave(self) -> None:
        """The running task is done."""
        self._busy.discard(_running())

    def is_busy(self, task: asyncio.Task[None]) -> bool:
        """Whether `task` must be left to finish."""
        return task in self._busy


def _running() -> asyncio.Task[None]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("A sender runs as a task.")
    return task
