"""A load that is killed again and again, at moments drawn by chance, ends as if nobody had touched it."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.program import MAIN_JOB, customer, environment, pango_load, start, wait_until, write_csv

from pango_load.sandbox.faults import parse_fault
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

ROWS = 400
SENDERS = 4
WORDS = (
    "customers.csv",
    *MAIN_JOB,
    "--timezone",
    "Asia/Ho_Chi_Minh",
    "--json",
    "--batch-size",
    "10",
    "--out",
    "run",
    "--read-timeout",
    "0.5",
)
FAULTS = ("500%2", "close-applied%2", "401%1", "reset%2", "429%1")


def make_rows(dice: random.Random) -> list[dict[str, str]]:
    """Customers of whom some stand twice, some are wrong and some are blank."""
    rows = []
    for number in range(ROWS):
        row = customer(number if dice.random() > 0.05 else dice.randrange(max(1, number)), fullName=f"version {number}")
        draw = dice.random()
        if draw < 0.03:
            row["dob"] = "31/02/1990"
        elif draw < 0.05:
            row = dict.fromkeys(row, "")
        rows.append(row)
    return rows


def _has_come(sandbox: Sandbox, requests: int) -> bool:
    return len(sandbox.request_log) >= requests


def run_until_done(folder: Path, sandbox: Sandbox, dice: random.Random, *, kills: int) -> int:
    """Kill so many processes on their way, then let one finish; how many were killed while they ran."""
    killed = 0
    words = (*WORDS, "--senders", str(SENDERS))
    for _ in range(kills):
        process = start(*words, folder=folder, sandbox=sandbox)
        if further := dice.randrange(15):
            so_far = len(sandbox.request_log)
            wait_until(partial(_has_come, sandbox, so_far + further), process)
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=dice.uniform(0.1, 0.8))
        if process.poll() is None:
            process.send_signal(dice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
            killed += 1
        process.communicate()
    return killed


@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(range(2), id="2 trials"),
        pytest.param(range(2, 102), id="100 trials", marks=pytest.mark.heavy),
        pytest.param(range(102, 202), id="100 more trials", marks=pytest.mark.heavy),
    ],
)
def test_kills_at_any_moment_lose_nothing(seeds: range, tmp_path: Path) -> None:
    """Protects every row: each ends in one place, and what arrives more than once was in flight or unanswered."""
    for seed in seeds:
        dice = random.Random(seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        rows = make_rows(dice)
        write_csv(folder / "customers.csv", rows)
        blank = sum(not any(row.values()) for row in rows)
        wrong = sum(row["dob"] == "31/02/1990" for row in rows)
        settings = SandboxSettings(
            windows=(), latency=(0.0, 0.08), seed=seed, faults=tuple(parse_fault(text) for text in FAULTS)
        )
        with Sandbox(settings) as sandbox:
            killed = run_until_done(folder, sandbox, dice, kills=3)
            ended = pango_load(*WORDS, "--senders", str(SENDERS), "--again-after", "9d", folder=folder, sandbox=sandbox)
            told = f"seed {seed}, {killed} killed: {ended.err}"
            assert ended.code == (3 if wrong else 0), told
            assert ended.counts == {
                "read": ROWS,
                "accepted": ROWS - wrong - blank,
                "rejected": wrong,
                "skipped": blank,
                "unknown": 0,
                "unsent": 0,
            }, told
            received = [str(entry["fullName"]) for entry in sandbox.accepted_entries]
            expected = {row["fullName"] for row in rows if row["fullName"] and row["dob"] != "31/02/1990"}
            assert set(received) == expected, told
            last: dict[str, str] = {
                str(entry["customerId"]): str(entry["fullName"]) for entry in sandbox.accepted_entries
            }
            newest = {row["customerId"]: row["fullName"] for row in rows if row["fullName"] in expected}
            assert last == newest, told
            unanswered = sum(status in {0, 500} for status in (request.status for request in sandbox.request_log))
            repeated = sum(times - 1 for times in Counter(received).values())
            assert repeated <= 10 * (unanswered + SENDERS * killed), told


# --- at every write in turn -------------------------------------------------------------------------------------------

FEW = ("customers.csv", *MAIN_JOB, "--timezone", "Asia/Ho_Chi_Minh", "--json", "--batch-size", "5", "--out", "run")
KILLED_AT = Path(__file__).parents[1] / "support" / "killed_at.py"


def few(start_at: int, count: int) -> list[dict[str, str]]:
    """Customers of whom one is wrong, one is refused by the platform and one stands twice."""
    rows = [customer(start_at + number, fullName=f"version {start_at + number}") for number in range(count)]
    rows[3]["dob"] = "31/02/1990"
    rows[7]["fullName"] = f"guilty {start_at}"
    rows[-1]["customerId"] = rows[-2]["customerId"]
    return rows


def killed_at(number: int, folder: Path, sandbox: Sandbox, *words: str) -> bool:
    """Run the program until its journal's write `number`, from 0; whether it lived to see it."""
    ended = subprocess.run(
        [sys.executable, str(KILLED_AT), str(number), *FEW, "--senders", "3", *words],
        cwd=folder,
        env=environment(folder, sandbox),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode in {-signal.SIGKILL, 3}, ended.stderr
    return ended.returncode == -signal.SIGKILL


def is_killed_and_goes_on(number: int, folder: Path, *, grown: bool) -> bool:
    """One trial; whether the program came as far as that write."""
    folder.mkdir()
    words = ("--append", "--read-timeout", "1") if grown else ("--read-timeout", "1")
    settings = SandboxSettings(
        windows=(), refuse_entry=lambda entry: "fullName" if str(entry["fullName"]).startswith("guilty") else None
    )
    rows = few(0, 24)
    write_csv(folder / "customers.csv", rows)
    with Sandbox(settings) as sandbox:
        if grown:
            assert pango_load(*FEW, *words, folder=folder, sandbox=sandbox).code == 3
            rows += few(22, 24)
            write_csv(folder / "customers.csv", rows)
        was_killed = killed_at(number, folder, sandbox, *words)
        ended = pango_load(*FEW, *words, folder=folder, sandbox=sandbox)
        loads = 2 if grown else 1
        told = f"write {number}: {ended.err}"
        assert ended.code == 3, told
        assert ended.counts == {
            "read": 24 * loads, "accepted": 22 * loads, "rejected": 2 * loads, "skipped": 0, "unknown": 0, "unsent": 0
        }, told  # fmt: skip
        good = [row["fullName"] for row in rows if row["dob"] != "31/02/1990" and "guilty" not in row["fullName"]]
        received = [str(entry["fullName"]) for entry in sandbox.accepted_entries]
        assert set(received) == set(good), told
        assert len(received) - len(good) <= (15 if was_killed else 0), told
        newest = {row["customerId"]: row["fullName"] for row in rows if row["fullName"] in good}
        last = {str(entry["customerId"]): str(entry["fullName"]) for entry in sandbox.accepted_entries}
        assert last == newest, told
        marked = (folder / "run" / "rejected.csv").read_text(encoding="utf-8").count("\n") - 1
        assert marked == 2 * loads, told
    return was_killed


def every_write() -> Iterable[int]:
    return range(10_000)


@pytest.mark.parametrize("grown", [pytest.param(False, id="a load"), pytest.param(True, id="a load that grew")])
@pytest.mark.parametrize(
    "writes",
    [
        pytest.param((40,), id="one write"),
        pytest.param(every_write(), id="every write", marks=pytest.mark.heavy),
    ],
)
def test_a_kill_at_any_write_of_the_journal_loses_nothing(
    writes: Iterable[int], tmp_path: Path, *, grown: bool
) -> None:
    """Protects from narrow windows that random kills seldom meet: each write in turn is the first one not done."""
    trials = 0
    for number in writes:
        if not is_killed_and_goes_on(number, tmp_path / str(number), grown=grown):
            break
        trials += 1
    assert trials == 1 or trials > 60, f"the load has {trials} writes"
