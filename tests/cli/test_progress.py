"""What a person sees while a load waits: nothing else happens then, so the wait itself must be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.journal_samples import HandClock
from support.program import (
    MAIN_JOB,
    customer,
    kill,
    no_answer,
    pango_load,
    start,
    wait_until_accepted,
    write_csv,
    write_customers,
)

from pango_load.cli.progress import ScreenWatcher
from pango_load.delivery.listener import Wait
from pango_load.load import load
from pango_load.plan import DeliveryOptions, Endpoint, LoadPlan
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings
from pango_load.watcher import Silent

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

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


def test_a_wait_for_a_request_of_the_last_run_is_told_before_it_begins(tmp_path: Path) -> None:
    """Protects from two minutes of silence after a kill: the newer value waits for the older one, and that is said."""
    write_csv(tmp_path / "a.csv", [customer(number % 10, fullName=f"version {number}") for number in range(100)])
    words = ("a.csv", *MAIN_JOB, *ZONE, "--batch-size", "10", "--read-timeout", "0.5")
    with Sandbox(SandboxSettings(windows=(), faults=(no_answer(after=2),))) as sandbox:
        process = start(*words, folder=tmp_path, sandbox=sandbox)
        wait_until_accepted(sandbox, 2, process)
        kill(process, sandbox)
        ended = pango_load(*words, folder=tmp_path, sandbox=sandbox)
    assert ended.code == 0, ended.err
    said = " ".join(ended.err.split())
    assert "newer values of its records wait up to 1 s (twice --read-timeout)" in said
