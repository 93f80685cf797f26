"""Time that a test moves: a clock, and an event loop whose waits cost nothing.

    clock = VirtualClock()
    run_virtual(main(clock), clock)     # `asyncio.sleep(3600)` inside returns at once, an hour later by `clock`

Only waits are virtual. Real sockets and threads have no place on such a loop: it would let time pass while they work.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

TICK = 1e-7
"""Seconds that every turn of the loop takes: else the rest of a rounding error could be waited for without end."""


class VirtualClock:
    """A `pango_load.clock.Clock` that stands still until somebody waits or a test moves it."""

    def __init__(self, *, now: float = 1_790_000_000.0, steady: float = 50_000.0) -> None:
        self._steady = steady
        self._offset = now - steady

    def now(self) -> float:
        """Seconds since 1970."""
        return self._steady + self._offset

    def steady(self) -> float:
        """Seconds since this machine was started."""
        return self._steady

    async def sleep(self, seconds: float) -> None:
        """Wait on the running loop, which should be a `VirtualLoop` of this clock."""
        await asyncio.sleep(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass, for both readings (a machine asleep looks like this)."""
        self._steady += seconds

    def set_wall(self, seconds: float) -> None:
        """Move what people read, not the steady time: somebody set the machine's clock."""
        self._offset += seconds

    def restart(self, *, steady: float = 10.0) -> None:
        """The machine was started again: steady time begins anew, the wall clock goes on."""
        now = self.now()
        self._steady = steady
        self._offset = now - steady


class _Skipping(selectors.SelectSelector):
    """Waits by moving the clock."""

    clock: VirtualClock

    def select(  # type: ignore[explicit-any]  # the key carries anything
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            ready = super().select(0)
            if not ready:
                raise RuntimeError("Everything waits for something that nobody will do: a deadlock.")
            return ready
        self.clock.advance(max(timeout, 0.0) + TICK)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that lives by a `VirtualClock`."""

    def __init__(self, clock: VirtualClock) -> None:
        selector = _Skipping()
        selector.clock = clock
        self._virtual = clock
        super().__init__(selector)

    def time(self) -> float:
        """The loop's own time is the clock's steady time."""
        return self._virtual.steady()


def run_virtual(main: Coroutine[object, object, T], clock: VirtualClock) -> T:
    """Run `main` to its end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(main)
