"""The only door to time: nothing else reads a clock or sleeps, so a test can move time by hand."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Where the program takes its time from."""

    def now(self) -> float:
        """Seconds since 1970 in UTC: for what people read. It may jump."""
        ...

    def steady(self) -> float:
        """Seconds that never go back and that all processes of this machine share: for waits and quota."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` of steady time pass."""
        ...


def _steady_source() -> int:
    """CLOCK_BOOTTIME where there is one, since it goes on while a laptop sleeps (quota.md, 1.4)."""
    return getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", -1))


class SystemClock:
    """The machine's own clocks."""

    _source = _steady_source()

    def now(self) -> float:
        """Seconds since 1970 in UTC."""
        return time.time()

    def steady(self) -> float:
        """Seconds since the machine started, time asleep included where the system can tell."""
        return time.clock_gettime(self._source) if self._source >= 0 else time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let the event loop run something else for `seconds`."""
        await asyncio.sleep(seconds)
