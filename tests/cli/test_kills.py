"""A load that is killed again and again, at moments drawn by chance, ends as if nobody had touched it."""

from __future__ import annotations

import random
import signal
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from support.program import MAIN_JOB, customer, pango_load, start, write_csv

from pango_load.sandbox.faults import parse_fault
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from pathlib import Path

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


def run_until_done(folder: Path, sandbox: Sandbox, dice: random.Random, *, kills: int) -> int:
    """Kill so many processes on their way, then let one finish; how many were killed while they ran."""
    killed = 0
    words = (*WORDS, "--senders", str(SENDERS))
    for _ in range(kills):
        process = start(*words, folder=folder, sandbox=sandbox)
        try:
            process.wait(timeout=dice.uniform(0.3, 2.0))
        except subprocess.TimeoutExpired:
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
