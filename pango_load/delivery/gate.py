"""How many requests may be under way at once: all senders while the service is well, one probe while it is not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pango_load.delivery.listener import Wait

if TYPE_CHECKING:
    from pango_load.clock import Clock
    from pango_load.delivery.listener import Listener
    from pango_load.delivery.patience import Patience
    from pango_load.delivery.pauses import Breaker


class Gate:
    """Lets senders through as the breaker allows, in the order in which they come."""

    def __init__(self, breaker: Breaker, *, clock: Clock, patience: Patience, listener: Listener) -> None:
        self._breaker, self._clock, self._patience, self._listener = breaker, clock, patience, listener
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._under_way = 0
        self._coming = 0

    async def enter(self) -> None:
        """Wait until one more request may be under way; every `enter` that returns is followed by `leave`."""
        if not self._coming and self._may_enter(self._clock.steady()):
            return
        self._coming += 1
        try:
            async with self._turn:
                while True:
                    self._changed.clear()
                    now = self._clock.steady()
                    if self._may_enter(now):
                        return
                    opens = self._breaker.opens_at(now, self._under_way)
                    await self._wait(None if opens is None else opens - now)
        finally:
            self._coming -= 1

    def _may_enter(self, now: float) -> bool:
        opens = self._breaker.opens_at(now, self._under_way)
        if opens is None or opens > now:
            return False
        self._under_way += 1
        return True

    def leave(self) -> None:
        """A request has ended, or did not begin."""
        self._under_way -= 1
        self._changed.set()

    def worked(self) -> None:
        """The service answered as one that is well."""
        self._breaker.succeeded(self._clock.steady())
        self._changed.set()

    def failed(self, *, wait: float | None = None) -> None:
        """The service did not; `wait`: seconds for which it asked to be left alone."""
        now = self._clock.steady()
        self._breaker.failed(now)
        if wait is not None:
            self._breaker.hold(now + wait)
        self._changed.set()

    async def _wait(self, seconds: float | None) -> None:
        waits: list[asyncio.Task[object]] = [asyncio.create_task(self._changed.wait())]
        if seconds is not None:
            self._patience.check(seconds, Wait.SERVICE)
            self._listener.waiting(Wait.SERVICE, seconds)
            waits.append(asyncio.create_task(self._clock.sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
