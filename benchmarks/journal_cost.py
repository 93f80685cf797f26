"""What the journal costs: time for each batch, commits, size of the file, memory.

    python benchmarks/journal_cost.py                          40,000 batches (2 million rows), 32 senders
    python benchmarks/journal_cost.py --batches 400000         20 million rows
    python benchmarks/journal_cost.py --rate 2000              2,000 requests a second, as a platform would allow

Every batch makes two entries in the journal (it is about to leave; it was accepted), each durable before the sender
goes on. `--folder` names the disk to be measured.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.journal.description import RunDescription
from pango_load.journal.identity import FileDigest, LoadIdentity
from pango_load.journal.run import Journal
from pango_load.journal.store import connect
from pango_load.records import ENTRIES_PER_REQUEST, Outcome, PlannedBatch, Verdict

if TYPE_CHECKING:
    import sqlite3

IDENTITY = LoadIdentity(
    files=(FileDigest("0" * 64, 0),),
    mapping="",
    object_type="customer-identity",
    catalogue="",
    account="",
    ingest_url="https://api.example.test/",
    source="benchmark",
)
DESCRIPTION = RunDescription(names=("x.csv",), paths=("/x.csv",), object_type="customer-identity")


@dataclass
class Meter:
    """Counts commits, and how long a sender waits for an entry."""

    commits: int = 0
    waits: list[float] = field(default_factory=list)

    def connect(self, path: Path) -> sqlite3.Connection:
        db = connect(path)
        db.set_trace_callback(self._see)
        return db

    def _see(self, sql: str) -> None:
        self.commits += sql == "BEGIN IMMEDIATE"


def plan(journal: Journal, batches: int) -> None:
    """Plan `batches` in pieces of 4,000, as a survey does."""
    for start in range(0, batches, 4000):
        journal.plan_batches(
            [
                PlannedBatch(
                    number=number,
                    first=number * ENTRIES_PER_REQUEST,
                    last=number * ENTRIES_PER_REQUEST + ENTRIES_PER_REQUEST - 1,
                    entries=ENTRIES_PER_REQUEST,
                    rows=ENTRIES_PER_REQUEST,
                )
                for number in range(start, min(batches, start + 4000))
            ]
        )
    journal.finish_survey(read=batches * ENTRIES_PER_REQUEST)
    journal.begin_sending()


async def send(journal: Journal, meter: Meter, senders: int, rate: float) -> None:
    """Send all, by `senders` side by side, at most `rate` requests a second (0: no limit)."""
    batches = journal.unsettled()
    start = time.perf_counter()
    sent = 0

    async def sender() -> None:
        nonlocal sent
        for batch in batches:
            sent += 1
            if rate and (early := start + sent / rate - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            before = time.perf_counter()
            await journal.sending(batch.number)
            if batch.number % 16 == 0:
                meter.waits.append(time.perf_counter() - before)
            await journal.settled(Outcome(batch=batch.number, verdict=Verdict.ACCEPTED, http=200))

    await asyncio.gather(*(sender() for _ in range(senders)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=40_000)
    parser.add_argument("--senders", type=int, default=32)
    parser.add_argument("--rate", type=float, default=0, help="requests a second; 0 for as many as can be")
    parser.add_argument("--folder", type=Path, help="the disk to be measured; default: the one for temporary files")
    asked = parser.parse_args()
    meter = Meter()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        journal = Journal.create(Path(folder), identity=IDENTITY, description=DESCRIPTION, connect=meter.connect)
        started = time.perf_counter()
        plan(journal, asked.batches)
        planned = time.perf_counter() - started
        commits, started, used = meter.commits, time.perf_counter(), time.process_time()
        asyncio.run(send(journal, meter, asked.senders, asked.rate))
        took, used = time.perf_counter() - started, time.process_time() - used
        commits = meter.commits - commits
        started = time.perf_counter()
        counts = journal.counts()
        counted = time.perf_counter() - started
        assert counts.accepted == counts.read
        journal.finish(0)
        path = journal.path
        journal.close()
        size = path.stat().st_size
        started = time.perf_counter()
        with Journal.open(path) as again:
            assert not list(again.unsettled())
        opened = time.perf_counter() - started
    waits = statistics.quantiles(meter.waits, n=100)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "darwin" else 1024)
    print(f"batches            {asked.batches:>12,}")
    print(f"planned in         {planned:>12.2f} s")
    print(f"sent in            {took:>12.2f} s   {asked.batches / took:,.0f} requests a second")
    print(f"processor          {used / asked.batches * 1e6:>12.0f} us for each request")
    print(f"entries a commit   {2 * asked.batches / commits:>12.1f}     {commits / took:,.0f} commits a second")
    print(f"a sender waits     {waits[49] * 1e3:>12.2f} ms  (99 of 100: {waits[98] * 1e3:.2f} ms)")
    print(f"totals counted in  {counted * 1e3:>12.1f} ms")
    print(f"opened again in    {opened * 1e3:>12.1f} ms")
    print(f"size               {size / asked.batches:>12.1f} bytes for each batch, {size / 1e6:.1f} MB")
    print(f"peak memory        {peak:>12.0f} MB")


if __name__ == "__main__":
    main()
