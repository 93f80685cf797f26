"""A million rows over a bad line: one request in fifty meets a fault, of every kind that there is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.program import MAIN_JOB, command, environment, write_customers

from pango_load.journal.reading import JournalReader
from pango_load.sandbox.faults import Fault, FaultKind
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SHARE = 0.02
REFUSED_ALONE = 20
"""Rows of a million at most: some 70 batches are refused for a fault, and one request in 300 again."""
KINDS = (
    FaultKind.REFUSED, FaultKind.UNAUTHORIZED, FaultKind.TIMEOUT, FaultKind.CONFLICT, FaultKind.TOO_LARGE,
    FaultKind.UNPROCESSABLE, FaultKind.LIMITED, FaultKind.SERVER_ERROR, FaultKind.BAD_GATEWAY, FaultKind.UNAVAILABLE,
    FaultKind.GATEWAY_TIMEOUT, FaultKind.NOT_SUCCESS, FaultKind.RESET, FaultKind.CLOSE, FaultKind.HANG, FaultKind.HALF,
    FaultKind.NOT_JSON, FaultKind.EMPTY, FaultKind.ENDLESS, FaultKind.HUGE, FaultKind.TRICKLE, FaultKind.SLOW,
)  # fmt: skip
"""All but 403, 404 and the redirect, which end a load."""


def a_bad_line() -> tuple[Fault, ...]:
    """Two of a hundred requests; half of those that may have been applied were."""
    share = SHARE / (len(KINDS) + 2)
    faults = [Fault(kind=kind, probability=share, value="0", seconds=0.2, size=2 << 20) for kind in KINDS]
    faults += [Fault(kind=kind, probability=share, applied=True) for kind in (FaultKind.SERVER_ERROR, FaultKind.CLOSE)]
    return tuple(faults)


class Seen:
    """Which customers the platform has looked at, a byte each."""

    def __init__(self, rows: int) -> None:
        self.flags = bytearray(rows)

    def look(self, entry: Mapping[str, object]) -> None:
        self.flags[int(str(entry["customerId"]))] = 1


def load(folder: Path, rows: int) -> tuple[Mapping[str, int], int, int, int]:
    """Load so many rows; counts, peak memory in MB, rows that arrived more than once, requests without an answer."""
    folder.mkdir()
    # The system's figure for a child is no lower than what its parent needed when it was started: this one stays small.
    write_customers(folder / "a.csv", rows)
    seen = Seen(rows)
    settings = SandboxSettings(
        windows=(), keep=False, validate=False, refuse_entry=seen.look, faults=a_bad_line(), seed=7
    )
    words = ("a.csv", *MAIN_JOB, "--timezone", "Asia/Ho_Chi_Minh", "--json", "--read-timeout", "3", "--senders", "16")
    with Sandbox(settings) as sandbox, (folder / "out.json").open("wb") as out:
        process = subprocess.Popen(
            command(*words), cwd=folder, env=environment(folder, sandbox), stdout=out, stderr=subprocess.PIPE
        )
        assert process.stderr is not None
        err = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
        assert process.returncode in {0, 3}, err
        arrived = sandbox.accepted_count
    (journal,) = (folder / "state" / "runs").glob("*.sqlite")
    with JournalReader.look(journal) as looked:
        lost = looked.traffic().lost
    counts = json.loads((folder / "out.json").read_text(encoding="utf-8"))["counts"]
    assert seen.flags.count(b"\x00") <= counts["rejected"]
    return counts, usage.ru_maxrss // 1024, arrived - counts["accepted"], lost


@pytest.mark.heavy
def test_a_million_rows_over_a_bad_line_are_all_accounted_for_in_flat_memory(tmp_path: Path) -> None:
    """Protects a migration: the balance is complete, and twice the rows need no more memory."""
    told = {}
    # Fewer rows are a chunk or two, which is less than a load comes to hold.
    for rows in (500_000, 1_000_000):
        counts, peak, twice, lost = told[rows] = load(tmp_path / str(rows), rows)
        # A row of a batch that is taken apart may meet a refusal when it is alone: then it is its own.
        rejected = counts["rejected"]
        assert rejected <= REFUSED_ALONE
        accepted = {"read": rows, "accepted": rows - rejected}
        assert counts == accepted | {"rejected": rejected, "skipped": 0, "unknown": 0, "unsent": 0}
        assert lost > 0
        assert 0 <= twice <= 50 * lost
        sys.stdout.write(f"{rows:,} rows: {peak} MB at most, {twice:,} twice, {lost} requests without an answer\n")
    assert told[1_000_000][1] <= 1.1 * told[500_000][1]
    assert told[1_000_000][1] < 320
