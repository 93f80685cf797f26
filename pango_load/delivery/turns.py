"""Whose turn it is: batches in the file's order, but never one before what it must wait for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pango_load.delivery.listener import Wait

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pango_load.clock import Clock
    from pango_load.delivery.listener import Listener
    from pango_load.delivery.patience import Patience
    from pango_load.records import Batch


class Turns:
    """Hands batches to senders.

    A batch whose earlier values (`plan.after`) are not settled stands aside while others pass, within a bound. A number
    in `after` that never came along was settled by an earlier run.

    Args:
        batches: by rising number.
        quiet: seconds that must pass after an unknown answer before a newer value of the same record leaves: the older
            request may still be on its way (quota.md, 2.2: twice the read time-out).
        aside: how many batches may stand aside.
        doubt_until: until when (seconds since 1970) a request of an earlier run may still land; a batch that waits for
            anything waits for that as well.
    """

    def __init__(
        self,
        batches: AsyncIterator[Batch],
        *,
        clock: Clock,
        patience: Patience,
        listener: Listener,
        quiet: float,
        aside: int,
        doubt_until: float | None = None,
    ) -> None:
        self._batches, self._clock, self._patience, self._listener = batches, clock, patience, listener
        self._quiet, self._bound = quiet, aside
        self._aside: dict[int, Batch] = {}
        self._unsettled: set[int] = set()
        self._quiet_until: dict[int, float] = {}
        # A wall clock that was set back must not hold the load for hours.
        doubt = 0.0 if doubt_until is None else min(doubt_until - clock.now(), quiet)
        self._doubt_until = clock.steady() + doubt
        self._lock = asyncio.Lock()
        self._changed = asyncio.Event()
        self._is_at_end = False

    async def next(self) -> Batch | None:
        """The next batch that may be sent; None when there is none left. May be cancelled at any time."""
        async with self._lock:
            while True:
                self._changed.clear()
                wait: float | None = None
                for number in sorted(self._aside):
                    left = self._left(self._aside[number])
                    if left == 0:
                        return self._aside.pop(number)
                    wait = left if wait is None else min(wait, left)
                if not self._is_at_end and len(self._aside) < self._bound:
                    batch = await anext(self._batches, None)
                    if batch is None:
                        self._is_at_end = True
                        continue
                    self._unsettled.add(batch.number)
                    if self._left(batch) == 0:
                        return batch
                    self._aside[batch.number] = batch
                elif wait is None:
                    return None
                else:
                    await self._wait(wait)

    def settled(self, number: int, doubted_at: float | None) -> None:
        """Batch `number` is done with; `doubted_at`: when an answer to it was missed last (steady seconds)."""
        self._unsettled.discard(number)
        if doubted_at is not None:
            self._quiet_until[number] = max(self._quiet_until.get(number, 0.0), doubted_at + self._quiet)
        self._changed.set()

    def _left(self, batch: Batch) -> float:
        """Seconds until `batch` may go; infinite where an earlier one must be settled first."""
        now, latest = self._clock.steady(), self._doubt_until if batch.plan.after else 0.0
        for number in batch.plan.after:
            if number in self._unsettled:
                return float("inf")
            if (until := self._quiet_until.get(number)) is not None:
                latest = max(latest, until)
        return max(0.0, latest - now)

    async def _wait(self, seconds: float) -> None:
        waits: list[asyncio.Task[object]] = [asyncio.create_task(self._changed.wait())]
        if seconds != float("inf"):
            self._patience.check(seconds, Wait.ORDER)
            self._listener.waiting(Wait.ORDER, seconds)
            waits.append(asyncio.create_task(self._clock.sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
