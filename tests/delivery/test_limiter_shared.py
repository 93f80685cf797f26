"""Several whole limiters on one SQLite file in virtual time, one of which is killed in between."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest
from support.quota_servers import FixedWindows, SlidingLog, TokenBuckets
from support.virtual_time import VirtualClock, run_virtual

from pango_load.delivery.limiter import Limiter, PermitEnd
from pango_load.delivery.quota_sqlite import SqliteStore, quota_path
from pango_load.delivery.quota_terms import Owner
from pango_load.plan import Pace, Window

if TYPE_CHECKING:
    from pathlib import Path

    from support.quota_servers import Server


class _Machine:
    """Three processes of one machine, the platform, and everything that chance decides."""

    def __init__(self, seed: int, path: Path, clock: VirtualClock) -> None:
        self.chance = random.Random(seed)
        second = Window(1, self.chance.randint(4, 30))
        self.windows = (second, Window(20, second.limit * self.chance.randint(3, 15)))
        self.server: Server = SlidingLog(self.windows)
        self.path, self.clock = path, clock
        self.gone: set[Owner] = set()
        self.arrivals: list[float] = []
        self.refused = 0

    def limiter(self, owner: Owner, pace: Pace, requests: int) -> Limiter:
        store = SqliteStore(self.path, owner=owner, gone=self._is_gone, boot=1)
        return Limiter(self.windows, clock=self.clock, store=store, pace=pace, expected_requests=requests)

    def _is_gone(self, owner: Owner, *, silent_for: float) -> bool:
        return owner in self.gone

    def _arrive(self) -> None:
        if self.server.arrive(self.clock.steady()) is None:
            self.arrivals.append(self.clock.steady())
        else:
            self.refused += 1

    async def process(self, owner: Owner, requests: int, *, senders: int) -> None:
        """Send, with cancellations before the first byte, until all was answered or somebody kills it."""
        limiter, left = self.limiter(owner, self.chance.choice(list(Pace)), requests), requests

        async def sender() -> None:
            nonlocal left
            while left:
                left -= 1
                permit = await limiter.acquire()
                if self.chance.random() < 0.05:
                    limiter.settle(permit, PermitEnd.NEVER_SENT)
                    left += 1
                    continue
                # What is under way arrives, whatever becomes of the process.
                there = self.chance.uniform(0.02, 0.9)
                asyncio.get_running_loop().call_later(there, self._arrive)
                await self.clock.sleep(there + self.chance.uniform(0.02, 0.9))
                limiter.settle(permit, PermitEnd.ANSWERED)

        await asyncio.gather(*(sender() for _ in range(senders)))
        await limiter.close()

    async def run(self) -> None:
        """Start three processes; kill the first with everything it has under way, and start another in its place."""
        share = 60
        tasks = [
            asyncio.ensure_future(self.process(Owner(pid=pid), share, senders=self.chance.choice([1, 8, 32])))
            for pid in (1, 2, 3)
        ]
        await self.clock.sleep(self.chance.uniform(0.2, 15))
        tasks[0].cancel()
        self.gone.add(Owner(pid=1))
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.process(Owner(pid=4), share, senders=8)
        await self.clock.sleep(2)


@pytest.mark.parametrize("seed", range(40))
def test_processes_that_share_a_file_never_exceed_a_window_even_if_one_is_killed(tmp_path: Path, seed: int) -> None:
    """Protects the account from everything at once: several loads, one killed, one started anew."""
    clock = VirtualClock(steady=1000.0 + seed)
    machine = _Machine(seed, quota_path(tmp_path, "0"), clock)

    run_virtual(machine.run(), clock)

    models = (
        FixedWindows(machine.windows, seed / 7),
        FixedWindows(machine.windows, None),
        TokenBuckets(machine.windows),
    )
    assert machine.refused == 0
    assert [sum(model.arrive(at) is not None for at in machine.arrivals) for model in models] == [0, 0, 0]
    assert len(machine.arrivals) >= 180
    account = SqliteStore(machine.path, gone=machine._is_gone, boot=1).begin(clock)
    assert all(ring.held == 0 for ring in account.rings)
