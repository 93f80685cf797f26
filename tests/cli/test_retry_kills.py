"""A retry is killed before each write of its run's journal in turn; given again, it ends like an undisturbed one."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.program import MAIN_JOB, customer, environment, pango_load, write_csv

from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

KILLED_AT = Path(__file__).parents[1] / "support" / "killed_at.py"
JOB = ("a.csv", *MAIN_JOB, "--timezone", "Asia/Ho_Chi_Minh", "--json", "--batch-size", "3", "--senders", "2")
ROWS = 16


def is_killed_and_goes_on(number: int, folder: Path) -> bool:
    """One trial: rows that this program rejected, rows that Pango refused, one of them still wrong after it."""
    folder.mkdir()
    flaws: list[dict[str, str]] = [{}, {"email": "x"}, {}, {"fullName": "guilty"}]
    rows = [customer(at, **flaws[at % 4]) for at in range(ROWS)]
    write_csv(folder / "a.csv", rows)
    settings = SandboxSettings(
        windows=(), refuse_entry=lambda entry: "fullName" if str(entry["fullName"]).startswith("guilty") else None
    )
    with Sandbox(settings) as sandbox:
        loaded = pango_load(*JOB, "--out", "run", folder=folder, sandbox=sandbox)
        run = loaded.run
        with (folder / "run" / "rejected.csv").open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        mended = [line | {"email": "a@b.vn", "fullName": f"innocent {line['_pango_row']}"} for line in lines[:-1]]
        with (folder / "fixed.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]))
            writer.writeheader()
            writer.writerows([*mended, lines[-1]])
        words = ("retry", run, "fixed.csv", "--json")
        ended = subprocess.run(
            [sys.executable, str(KILLED_AT), str(number), *words],
            cwd=folder, env=environment(folder, sandbox), capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        was_killed = ended.returncode == -signal.SIGKILL
        told = f"write {number}: {ended.stderr}"
        assert was_killed or ended.returncode == 3, told
        between = pango_load("runs", run, "--json", folder=folder).summary["counts"]
        assert isinstance(between, dict)
        assert between["accepted"] + between["rejected"] + between["unknown"] == ROWS, told
        last = pango_load(*words, folder=folder, sandbox=sandbox)
        assert (last.code, last.counts["accepted"], last.counts["rejected"]) == (3, ROWS - 1, 1), told + last.err
        times = Counter(str(entry["customerId"]) for entry in sandbox.accepted_entries)
        assert len(times) == ROWS - 1, told
        # Only what was under way when it died may arrive twice: two senders, three entries each.
        assert sum(times.values()) - len(times) <= (6 if was_killed else 0), told
        assert (folder / "run" / "rejected.csv").read_text(encoding="utf-8").count("\n") == 2, told
    return was_killed


@pytest.mark.parametrize(
    "writes",
    [
        pytest.param((14,), id="one write"),
        pytest.param(range(10_000), id="every write", marks=pytest.mark.heavy),
    ],
)
def test_a_retry_killed_at_a_write_goes_on(writes: Iterable[int], tmp_path: Path) -> None:
    """Protects the balance and the account from a kill at any moment."""
    for number in writes:
        if not is_killed_and_goes_on(number, tmp_path / str(number)) and isinstance(writes, range):
            assert number > 10
            return
