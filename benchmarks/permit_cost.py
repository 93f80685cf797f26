"""What a permit costs: the core, the whole limiter, the limiter on SQLite alone and with four processes.

python benchmarks/permit_cost.py [--requests 20000]
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles

sys.path.insert(0, str(Path(__file__).parents[1]))

from pango_load.clock import SystemClock
from pango_load.delivery.limiter import Limiter, PermitEnd
from pango_load.delivery.quota_account import Account
from pango_load.delivery.quota_sqlite import SqliteStore, quota_path
from pango_load.delivery.quota_store import MemoryStore, QuotaStore
from pango_load.delivery.quota_terms import Owner, Permit, make_terms
from pango_load.plan import PUBLISHED_WINDOWS, Window

WIDE = tuple(Window(window.seconds, window.limit * 100_000) for window in PUBLISHED_WINDOWS)
"""The published windows with limits that are never reached, so that only the cost is seen."""


def core(requests: int) -> float:
    """Microseconds to give and settle a permit, after a whole day of history."""
    account, owner, terms, now = Account(), Owner(), make_terms(WIDE), 0.0
    for _ in range(86400 // 5):
        now += 5
        assert account.take(now, 1, owner, terms)
        account.answered(now, now, owner, Permit(now))
    begin = time.perf_counter()
    for _ in range(requests):
        now += 0.02
        account.take(now, 1, owner, terms)
        account.answered(now, now, owner, Permit(now))
    return (time.perf_counter() - begin) / requests * 1e6


async def _limiter(store: QuotaStore, requests: int, every: float) -> list[float]:
    """Microseconds of each `acquire` and `settle` together."""
    limiter, took = Limiter(WIDE, clock=SystemClock(), store=store), []
    await limiter.acquire()
    for _ in range(requests):
        begin = time.perf_counter()
        limiter.settle(await limiter.acquire(), PermitEnd.ANSWERED)
        took.append((time.perf_counter() - begin) * 1e6)
        if every:
            await asyncio.sleep(every)
    await limiter.close()
    return took


def _told(title: str, took: list[float], seconds: float | None = None) -> None:
    cuts = quantiles(took, n=100)
    rate = f"{len(took) / seconds:,.0f}" if seconds else "as offered"
    print(f"| {title} | {rate} | {cuts[49]:,.1f} | {cuts[98]:,.1f} | {max(took) / 1000:,.1f} |", flush=True)


def _processes(folder: Path, number: int, requests: int, every: float) -> tuple[list[float], float]:
    """Several processes on one file: every cost, and the seconds from the first to the last."""
    words = [sys.executable, __file__, "--child", str(quota_path(folder, "cost")), str(requests), str(every)]
    children = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(number)]
    took: list[float] = []
    begins, ends = [], []
    for child in children:
        out, _ = child.communicate()
        begin, end, *rest = (float(word) for word in out.split())
        begins.append(begin)
        ends.append(end)
        took += rest
    return took, max(ends) - min(begins)


def _child(path: Path, requests: int, every: float) -> None:
    store, clock = SqliteStore(path), SystemClock()
    begin = clock.steady()
    took = asyncio.run(_limiter(store, requests, every))
    print(begin, clock.steady(), *(f"{one:.1f}" for one in took))


def main() -> None:
    """Read the words of the command line, and print a table."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    asked.add_argument("--requests", type=int, default=20_000)
    asked.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    words = asked.parse_args()
    if words.child:
        path, requests, every = words.child
        _child(Path(path), int(requests), float(every))
        return
    print(f"The core alone, with a day of history: {core(words.requests):.1f} microseconds a permit\n")
    print("| acquire and settle | permits/s | median µs | 99 % µs | longest ms |\n|---|---|---|---|---|")
    begin = time.perf_counter()
    took = asyncio.run(_limiter(MemoryStore(), words.requests, 0))
    _told("in memory", took, time.perf_counter() - begin)
    for title, number, every in (
        ("SQLite, one process, as fast as it can", 1, 0.0),
        ("SQLite, four processes, as fast as they can", 4, 0.0),
        ("SQLite, four processes, each every 80 ms: 50 a second together", 4, 0.08),
        ("SQLite, four processes, each every 2 ms", 4, 0.002),
    ):
        with tempfile.TemporaryDirectory() as folder:
            requests = words.requests // number if not every else min(words.requests // number, int(8 / every))
            took, seconds = _processes(Path(folder), number, requests, every)
        _told(title, took, None if every == 0.08 else seconds)


if __name__ == "__main__":
    main()
