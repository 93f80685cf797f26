"""A process that sends through the shared quota as fast as it may: `python quota_sender.py PATH WINDOWS REQUESTS OUT`.

It writes the system's steady time at which each request would have reached the platform, one line each.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from pango_load.clock import SystemClock
from pango_load.delivery.limiter import Limiter, PermitEnd
from pango_load.delivery.quota_sqlite import SqliteStore
from pango_load.plan import Pace, parse_windows


async def send(path: Path, windows: str, requests: int, out: Path) -> None:
    """Send through four connections, with answers of 5 to 40 ms."""
    clock, left, sent = SystemClock(), requests, 0
    limiter = Limiter(parse_windows(windows), clock=clock, store=SqliteStore(path), pace=Pace.BURST)
    with out.open("a", encoding="utf-8", buffering=1) as arrivals:

        async def sender() -> None:
            nonlocal left, sent
            while left:
                left -= 1
                permit = await limiter.acquire()
                await asyncio.sleep(random.uniform(0.002, 0.02))
                arrivals.write(f"{clock.steady():.6f}\n")
                sent += 1
                if sent == requests // 2:
                    sys.stdout.write("half of it\n")
                    sys.stdout.flush()
                await asyncio.sleep(random.uniform(0.002, 0.02))
                limiter.settle(permit, PermitEnd.ANSWERED)

        await asyncio.gather(*(sender() for _ in range(4)))
    await limiter.close()


if __name__ == "__main__":
    asyncio.run(send(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])))
