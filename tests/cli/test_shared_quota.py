"""The limits belong to the account, not to a process: real processes share them, and one of them may be killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.program import MAIN_JOB, pango_load, start, wait_until_accepted, write_customers

from pango_load.plan import parse_windows
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = "20/0.5s,50/2s"
"""Scaled: what takes minutes on the platform takes seconds here."""
WORDS = (*MAIN_JOB, "--timezone", "Asia/Ho_Chi_Minh", "--json", "--batch-size", "1")
EACH = 20


def span(sandbox: Sandbox) -> float:
    """Seconds from the first request to the last."""
    arrived = [request.arrived for request in sandbox.request_log]
    return max(arrived) - min(arrived)


def assert_kept(sandbox: Sandbox) -> None:
    assert 429 not in sandbox.statuses
    assert all(worst <= window.limit for window, worst in sandbox.worst_windows().items())


@pytest.mark.heavy
def test_four_processes_of_one_account_break_no_window_and_waste_no_time(tmp_path: Path) -> None:
    """Protects accounts with several jobs: together they are as quick as one job doing it all."""
    settings = SandboxSettings(windows=parse_windows(LIMITS))
    variables = {"PANGO_LIMITS": LIMITS}
    with Sandbox(settings) as alone:
        write_customers(tmp_path / "all.csv", 4 * EACH)
        done = pango_load("all.csv", *WORDS, folder=tmp_path, sandbox=alone, variables=variables)
        assert done.code == 0, done.err
        assert_kept(alone)
        time_alone = span(alone)
    with Sandbox(settings) as shared:
        for number in range(4):
            write_customers(tmp_path / f"part{number}.csv", EACH)
        started = [
            start(
                f"part{number}.csv",
                *WORDS,
                "--source",
                f"part{number}",
                folder=tmp_path,
                sandbox=shared,
                variables=variables,
            )
            for number in range(4)
        ]
        for process in started:
            process.communicate(timeout=60)
            assert process.returncode == 0
        assert_kept(shared)
        assert shared.accepted_count == 4 * EACH
        # Their start-up is spread over some tenths of a second, which is not the quota's doing.
        assert span(shared) <= 1.1 * time_alone + 1.0


def test_a_process_that_is_killed_leaves_its_permits_charged(tmp_path: Path) -> None:
    """Protects the account from the one that comes after kill -9, and from a restart in the middle of a window."""
    variables = {"PANGO_LIMITS": LIMITS}
    with Sandbox(SandboxSettings(windows=parse_windows(LIMITS), latency=(0.0, 0.05))) as sandbox:
        write_customers(tmp_path / "killed.csv", 100)
        write_customers(tmp_path / "other.csv", EACH)
        first = start("killed.csv", *WORDS, folder=tmp_path, sandbox=sandbox, variables=variables)
        other = start("other.csv", *WORDS, folder=tmp_path, sandbox=sandbox, variables=variables)
        wait_until_accepted(sandbox, 15, first)
        first.kill()
        first.communicate()
        other.communicate(timeout=60)
        assert other.returncode == 0
        again = pango_load("killed.csv", *WORDS, "--limit", "20", folder=tmp_path, sandbox=sandbox, variables=variables)
        assert again.code == 0, again.err
        assert_kept(sandbox)
