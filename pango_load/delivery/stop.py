"""How a load is asked to end early."""

from __future__ import annotations

import asyncio


class StopRequest:
    """A wish to end: what is under way is finished and recorded, nothing new begins.

    To be used from the event loop's own thread (`loop.add_signal_handler(SIGINT, stop.ask, SIGINT)`).
    """

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self.signal_number = 2

    def ask(self, signal_number: int = 2) -> None:
        """End the load; `signal_number` decides the exit code. Only the first wish counts."""
        if not self._asked.is_set():
            self.signal_number = signal_number
            self._asked.set()

    @property
    def is_asked(self) -> bool:
        """Whether somebody has."""
        return self._asked.is_set()

    async def wait(self) -> None:
        """Wait until somebody does."""
        await self._asked.wait()
