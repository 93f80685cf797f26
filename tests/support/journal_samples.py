"""Journals for tests: small plans, and a clock that a test moves by hand."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.journal.description import RunDescription
from pango_load.journal.identity import FileDigest, LoadIdentity
from pango_load.journal.run import Journal
from pango_load.journal.store import Connect, connect
from pango_load.records import PlannedBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

IDENTITY = LoadIdentity(
    files=(FileDigest("ab" * 32, 1234),),
    mapping="mapping-1",
    object_type="customer-identity",
    catalogue="catalogue-1",
    account="account-1",
    ingest_url="https://api.example.test/ingest",
    source="pango-load",
)

DESCRIPTION = RunDescription(
    names=("customers.csv",),
    paths=("/data/customers.csv",),
    object_type="customer-identity",
    folder="/data/pango-load-runs/customers-1",
    address="https://api.example.test/ingest",
    version="0.1.0",
    command=("pango-load", "customers.csv", "--object", "customer-identity"),
)

FAST_DISK = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a disk in memory, for tests that flush a lot

NOON = 1_700_000_000.0


@dataclass
class HandClock:
    """A clock that stands still until a test moves it."""

    time: float = NOON

    def now(self) -> float:
        return self.time

    def steady(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def identity(content: str = "a", **changes: str | bool) -> LoadIdentity:
    """The identity of a load whose one file holds `content`."""
    return replace(IDENTITY, files=(FileDigest(content * 64, len(content)),), **changes)  # type: ignore[arg-type]


def plan_of(batches: int, entries: int = 50, *, first_number: int = 0, first: int = 0) -> list[PlannedBatch]:
    """Batches of `entries` single rows each, one after the other."""
    return [
        PlannedBatch(
            number=first_number + index,
            first=first + index * entries,
            last=first + index * entries + entries - 1,
            entries=entries,
            rows=entries,
        )
        for index in range(batches)
    ]


def begin_journal(
    state: Path,
    batches: Sequence[PlannedBatch] = (),
    *,
    load: LoadIdentity = IDENTITY,
    description: RunDescription = DESCRIPTION,
    clock: HandClock | None = None,
    connect: Connect = connect,
) -> Journal:
    """A journal whose survey planned `batches`, ready to send."""
    journal = Journal.create(state, identity=load, description=description, clock=clock or HandClock(), connect=connect)
    if batches:
        journal.plan_batches(batches)
    journal.finish_survey(read=sum(batch.rows for batch in batches))
    journal.begin_sending()
    return journal


def copy_of(path: Path, folder: Path) -> Path:
    """The journal at `path` as a crash would leave it: the file and its write-ahead log, copied as they are."""
    folder.mkdir(exist_ok=True)
    for name in (path.name, f"{path.name}-wal"):
        if path.with_name(name).exists():
            shutil.copyfile(path.with_name(name), folder / name)
    return folder / path.name
