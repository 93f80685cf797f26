"""A load may be stopped by anything; the same command goes on, and every row is in exactly one place."""

from __future__ import annotations

import signal
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from support.program import (
    MAIN_JOB,
    customer,
    pango_load,
    pango_load_process,
    start,
    wait_until_accepted,
    write_csv,
    write_customers,
)

from pango_load.plan import Window
from pango_load.sandbox.faults import parse_fault
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings, WindowKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ZONE = ("--timezone", "Asia/Ho_Chi_Minh")
ROWS = 1000
SENDERS = 4
JOB = ("customers.csv", *MAIN_JOB, *ZONE, "--senders", str(SENDERS), "--json")


@pytest.fixture
def slow_sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(windows=(), latency=(0.05, 0.15))) as running:
        yield running


def times_received(sandbox: Sandbox) -> Counter[str]:
    return Counter(str(entry["customerId"]) for entry in sandbox.accepted_entries)


@pytest.mark.parametrize(
    "requests", [pytest.param(1, marks=pytest.mark.heavy), 7, pytest.param(20, marks=pytest.mark.heavy)]
)
def test_a_load_that_is_killed_goes_on_and_loses_nothing(requests: int, tmp_path: Path, slow_sandbox: Sandbox) -> None:
    """Protects from kill -9, a crash and a power cut: only what was in flight may arrive twice."""
    write_customers(tmp_path / "customers.csv", ROWS)
    process = start(*JOB, folder=tmp_path, sandbox=slow_sandbox)
    wait_until_accepted(slow_sandbox, requests, process)
    process.kill()
    process.communicate()
    before = slow_sandbox.accepted_requests
    ended = pango_load(*JOB, folder=tmp_path, sandbox=slow_sandbox)
    assert ended.code == 0, ended.err
    assert ended.counts == {"read": ROWS, "accepted": ROWS, "rejected": 0, "skipped": 0, "unknown": 0, "unsent": 0}
    assert ended.summary["resumed"] is True
    received = times_received(slow_sandbox)
    assert len(received) == ROWS
    twice = [one for one, times in received.items() if times > 1]
    assert len(twice) <= 50 * SENDERS
    # What the killed process had settled was not sent again.
    assert slow_sandbox.accepted_requests <= ROWS / 50 + min(before, SENDERS)


@pytest.mark.parametrize(
    ("number", "code"), [pytest.param(signal.SIGINT, 130, id="Ctrl-C"), pytest.param(signal.SIGTERM, 143, id="SIGTERM")]
)
def test_a_load_that_is_stopped_finishes_what_is_in_flight_and_says_how_to_go_on(
    number: int, code: int, tmp_path: Path, slow_sandbox: Sandbox
) -> None:
    """Protects from duplicates on a clean stop: nothing is unknown, and nothing arrives twice."""
    write_customers(tmp_path / "customers.csv", ROWS)
    process = start(*JOB, folder=tmp_path, sandbox=slow_sandbox)
    wait_until_accepted(slow_sandbox, 3, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert '"unknown": 0' in out
    assert "Try:   Run the same command again to go on where it stopped." in err
    ended = pango_load(*JOB, folder=tmp_path, sandbox=slow_sandbox)
    assert (ended.code, ended.counts["accepted"]) == (0, ROWS), ended.err
    received = times_received(slow_sandbox)
    assert (len(received), set(received.values())) == (ROWS, {1})


def test_a_load_whose_terminal_is_gone_ends_when_it_is_told_to(tmp_path: Path, slow_sandbox: Sandbox) -> None:
    """Protects from a load that cannot be stopped since nobody is left to read that it stops."""
    write_customers(tmp_path / "customers.csv", ROWS)
    process = start(*JOB, folder=tmp_path, sandbox=slow_sandbox)
    wait_until_accepted(slow_sandbox, 3, process)
    for stream in (process.stdout, process.stderr):
        assert stream is not None
        stream.close()
    process.send_signal(signal.SIGHUP)
    process.wait(timeout=60)
    assert slow_sandbox.accepted_count < ROWS
    ended = pango_load(*JOB, folder=tmp_path, sandbox=slow_sandbox)
    assert (ended.code, ended.counts["accepted"]) == (0, ROWS), ended.err
    received = times_received(slow_sandbox)
    assert (len(received), set(received.values())) == (ROWS, {1})


def test_two_processes_never_run_the_same_load(tmp_path: Path, slow_sandbox: Sandbox) -> None:
    """Protects from a cron job that overlaps itself."""
    write_customers(tmp_path / "customers.csv", ROWS)
    process = start(*JOB, folder=tmp_path, sandbox=slow_sandbox)
    wait_until_accepted(slow_sandbox, 1, process)
    process.send_signal(signal.SIGSTOP)  # however slow this machine is, the first one is not done yet
    second = pango_load(*JOB, folder=tmp_path, sandbox=slow_sandbox)
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=60)
    assert second.code == 11
    assert f"process {process.pid}" in second.err
    assert set(times_received(slow_sandbox).values()) == {1}


def test_what_the_server_breaks_is_mended_by_the_same_load(tmp_path: Path) -> None:
    """Protects from a bad line and a bad day: 500s, lost answers and revoked tokens leave every row accepted."""
    faults = tuple(parse_fault(text) for text in ("500:2", "401:1"))
    write_customers(tmp_path / "customers.csv", 500)
    with Sandbox(SandboxSettings(windows=(), faults=faults)) as sandbox:
        ended = pango_load(*JOB, folder=tmp_path, sandbox=sandbox)
        assert (ended.code, ended.counts["accepted"]) == (0, 500), ended.err
        assert len(times_received(sandbox)) == 500


def test_one_bad_entry_costs_its_own_row_only(tmp_path: Path) -> None:
    """Protects innocent rows: a batch that is refused whole is narrowed down to the guilty row."""
    rows = [customer(number, **({"fullName": "guilty"} if number in {3, 77} else {})) for number in range(200)]
    write_csv(tmp_path / "customers.csv", rows)
    settings = SandboxSettings(
        windows=(), refuse_entry=lambda entry: "fullName" if entry.get("fullName") == "guilty" else None
    )
    with Sandbox(settings) as sandbox:
        ended = pango_load(*JOB, "--out", "run", folder=tmp_path, sandbox=sandbox)
        assert (ended.code, ended.counts["accepted"], ended.counts["rejected"]) == (3, 198, 2), ended.err
        received = times_received(sandbox)
        assert (len(received), set(received.values())) == (198, {1})
    text = (tmp_path / "run" / "rejected.csv").read_text(encoding="utf-8")
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == ["0000003", "0000077"]
    assert "fullName" in text.splitlines()[1]


@pytest.mark.parametrize(
    "kind",
    # In virtual time every kind is tried (tests/delivery); here it is the real program.
    [pytest.param(kind, marks=() if kind is WindowKind.SLIDING else pytest.mark.heavy) for kind in WindowKind],
)
def test_no_window_is_broken_and_no_429_is_caused(kind: WindowKind, tmp_path: Path) -> None:
    """Protects the account's other users: scaled windows, 32 senders, a server that counts."""
    write_customers(tmp_path / "customers.csv", 60)
    windows = (Window(0.25, 10), Window(1, 25))
    with Sandbox(SandboxSettings(windows=windows, window_kind=kind, latency=(0.0, 0.05))) as sandbox:
        ended = pango_load(
            "customers.csv", *MAIN_JOB, *ZONE, "--json", "--batch-size", "1",
            folder=tmp_path, sandbox=sandbox, variables={"PANGO_LIMITS": "10/0.25s,25/1s"},
        )  # fmt: skip
        assert (ended.code, ended.counts["accepted"]) == (0, 60), ended.err
        assert 429 not in sandbox.statuses
        assert all(worst <= window.limit for window, worst in sandbox.worst_windows().items())


def test_two_rows_of_one_customer_arrive_in_the_files_order(tmp_path: Path, slow_sandbox: Sandbox) -> None:
    """Protects the newer value: it never arrives before the older one, and never in the same batch."""
    rows = [customer(number % 40, fullName=f"version {number}") for number in range(400)]
    write_csv(tmp_path / "customers.csv", rows)
    ended = pango_load(
        "customers.csv", *MAIN_JOB, *ZONE, "--json", "--batch-size", "30", folder=tmp_path, sandbox=slow_sandbox
    )
    assert (ended.code, ended.counts["accepted"]) == (0, 400), ended.err
    versions: dict[str, list[int]] = {}
    for entry in slow_sandbox.accepted_entries:
        versions.setdefault(str(entry["customerId"]), []).append(int(str(entry["fullName"]).split()[1]))
    assert all(seen == sorted(seen) and len(seen) == 10 for seen in versions.values())


def test_a_changed_file_is_another_load_and_the_older_one_is_given_up_aloud(
    tmp_path: Path, slow_sandbox: Sandbox
) -> None:
    """Protects from going on with boundaries that fit another content; with --initData it must be meant."""
    write_customers(tmp_path / "customers.csv", ROWS)
    for words, code in (((), 0), (("--initData",), 2)):
        process = start(*JOB, *words, "--again", folder=tmp_path, sandbox=slow_sandbox)
        wait_until_accepted(slow_sandbox, slow_sandbox.accepted_requests + 2, process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        write_csv(tmp_path / "customers.csv", [customer(number, fullName=f"mới {code}") for number in range(100)])
        ended = pango_load(*[word for word in JOB if word != "--json"], *words, folder=tmp_path, sandbox=slow_sandbox)
        assert ended.code == code, ended.err
        assert ("given up" if code == 0 else "--fresh") in ended.err
        write_customers(tmp_path / "customers.csv", ROWS)


def test_standard_input_is_kept_until_it_is_settled(tmp_path: Path, slow_sandbox: Sandbox) -> None:
    """Protects a pipe that cannot be read twice: the same input goes on, and nothing of it stays behind."""
    text = write_customers(tmp_path / "customers.csv", 300).read_text(encoding="utf-8")
    words = ("-", *MAIN_JOB, *ZONE, "--json", "--max-duration", "0.2s", "--senders", "1")
    first = pango_load_process(*words, folder=tmp_path, sandbox=slow_sandbox, stdin=text)
    assert (first.code, list((tmp_path / "state" / "spool").iterdir()) != []) == (5, True), first.err
    ended = pango_load(*words[:-4], folder=tmp_path, sandbox=slow_sandbox, stdin=text)
    assert (ended.code, ended.counts["accepted"], ended.summary["resumed"]) == (0, 300, True), ended.err
    assert set(times_received(slow_sandbox).values()) == {1}
    assert not list((tmp_path / "state" / "spool").iterdir())
