"""What a person sees while a load waits: nothing else happens then, so the wait itself must be shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.journal_samples import HandClock
from support.program import (
    MAIN_JOB,
    customer,
    kill,
    no_answer,
    start,
    wait_until_accepted,
    write_csv,
    write_customers,
)

from pango_load.cli.progress import ScreenWatcher
from pango_load.delivery.listener import Wait
from pango_load.journal.ledger import SLOT_SECONDS
from pango_load.journal.reading import JournalReader
from pango_load.load import load
from pango_load.plan import DeliveryOptions, Endpoint, LoadPlan
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings
from pango_load.watcher import Silent

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from pango_load.delivery.forecast import Forecast
    from pango_load.run import Run
    from pango_load.survey import Survey

ZONE = ("--timezone", "Asia/Ho_Chi_Minh")


def test_a_long_wait_is_told_every_half_minute_where_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    """Protects from a log that looks dead while the load waits for an hour's limit, or for an older value."""
    clock = HandClock()
    watcher = ScreenWatcher(clock)
    watcher.waiting(Wait.ORDER, 120.0)
    clock.time += 29
    watcher.still_sending()
    assert capsys.readouterr().err == ""
    clock.time += 2
    watcher.still_sending()
    assert "waiting for an earlier value of the same record until" in capsys.readouterr().err


@dataclass(slots=True)
class Counting(Silent):
    ticks: int = 0

    def still_sending(self) -> None:
        self.ticks += 1


def test_whoever_shows_a_load_is_asked_while_nothing_happens(tmp_path: Path) -> None:
    """Protects the line above: it is written while no answer comes."""
    with Sandbox(SandboxSettings(windows=(), latency=(1.3, 1.4))) as sandbox:
        plan = LoadPlan(
            files=(write_customers(tmp_path / "a.csv", 3),),
            object_type="customer-identity",
            state=tmp_path / "state",
            out=tmp_path / "run",
            timezone="Asia/Ho_Chi_Minh",
            endpoint=Endpoint(auth_url=sandbox.auth_url, ingest_url=sandbox.ingest_url),
            credentials=sandbox.credentials,
            delivery=DeliveryOptions(windows=()),
        )
        watcher = Counting()
        assert load(plan, watcher=watcher).exit_code == 0
        assert watcher.ticks >= 1


@dataclass(slots=True)
class Leaping:
    """A clock that moves only while somebody sleeps, and then a hundred times as fast."""

    moment: float

    def now(self) -> float:
        return self.moment

    def steady(self) -> float:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 100)
        self.moment += seconds


@dataclass(slots=True)
class Listening(Silent):
    """Hears what is said before sending, and in how many seconds it all was over."""

    clock: Leaping
    began: float = 0.0
    said: tuple[str, ...] = ()

    def surveyed(self, run: Run, found: Survey | None, forecast: Forecast | None) -> None:
        self.said, self.began = tuple(run.notices), self.clock.now()


def test_a_wait_for_a_request_of_the_last_run_is_told_before_it_begins(tmp_path: Path) -> None:
    """Protects from two minutes of silence after a kill: the newer value waits for the older one, and that is said."""
    write_csv(tmp_path / "a.csv", [customer(number % 10, fullName=f"version {number}") for number in range(100)])
    words = ("a.csv", *MAIN_JOB, *ZONE, "--batch-size", "10", "--read-timeout", "60")
    with Sandbox(SandboxSettings(windows=(), faults=(no_answer(after=2),))) as sandbox:
        process = start(*words, folder=tmp_path, sandbox=sandbox)
        wait_until_accepted(sandbox, 2, process)
        kill(process, sandbox)
        (journal,) = (tmp_path / "state" / "runs").glob("*.sqlite")
        with JournalReader.look(journal) as reader:
            last = max(point.moment for point in reader.pace())
        # However long the machine took: half a second before the last request cannot have left any more.
        clock = Leaping(last + SLOT_SECONDS - 0.5)
        watcher = Listening(clock)
        plan = LoadPlan(
            files=(tmp_path / "a.csv",),
            object_type="customer-identity",
            state=tmp_path / "state",
            folder=tmp_path,
            timezone="Asia/Ho_Chi_Minh",
            endpoint=Endpoint(auth_url=sandbox.auth_url, ingest_url=sandbox.ingest_url),
            credentials=sandbox.credentials,
            delivery=DeliveryOptions(windows=(), read_timeout=0.5, give_up_after=1e9),
        )
        report = load(plan, watcher=watcher, clock=clock)
    assert (report.exit_code, report.summary.resumed) == (0, True)
    assert any("newer values of its records wait up to 1 s (twice --read-timeout)" in said for said in watcher.said)
    assert clock.now() >= watcher.began + 1.5
