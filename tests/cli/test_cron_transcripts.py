"""What a log holds of a load without a terminal, for each exit code: readable, and the same every night."""

from __future__ import annotations

import re
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from inline_snapshot import snapshot
from support.program import (
    MAIN_JOB,
    Ended,
    customer,
    pango_load,
    start,
    wait_until_accepted,
    write_csv,
    write_customers,
)

from pango_load.cli.screen import print_bug
from pango_load.sandbox.faults import parse_fault
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from pathlib import Path

ZONE = ("--timezone", "Asia/Ho_Chi_Minh")
JOB = ("customers.csv", *MAIN_JOB, *ZONE)
VARYING = (
    (r"\b[0-9a-f]{8}\b", "7f3a9c21"),
    (r"\d{8}T\d{6}Z", "20261121T022426Z"),
    (r"127\.0\.0\.1:\d+", "cdp.example.com"),
    (r" in (\d+(\.\d)?|1 min \d+) s(\.|;)", r" in 1 s\3"),
    (r"process \d+, since [^.]+\.", "process 4711, since 2026-11-21 02:24:26 UTC."),
    (r"\(kill \d+\)", "(kill 4711)"),
    (r"\d+ requests?( tried) in", r"N requests\1 in"),
)


LOG = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ +pango_load.*\n|    .*\n)+")


def log_of(ended: Ended, folder: Path) -> str:
    """Exit code, standard output and standard error, without what differs from night to night."""
    text = f"exit {ended.code}\n--- out\n{ended.out}--- err\n{ended.err}".replace(str(folder), "/srv")
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return text


def night(folder: Path, *words: str, rows: int = 120, bad: int = 0, faults: tuple[str, ...] = (), **more: str) -> str:
    """The log of one load."""
    write_csv(
        folder / "customers.csv",
        [customer(number, dob="1990-02-01", **({"email": "x"} if number < bad else {})) for number in range(rows)],
    )
    with Sandbox(SandboxSettings(windows=(), faults=tuple(parse_fault(text) for text in faults))) as sandbox:
        ended = pango_load(*JOB, "--out", "run", *words, folder=folder, sandbox=sandbox, variables=more)
    assert "\x1b" not in ended.out + ended.err
    log = folder / "run" / "run.log"
    if log.exists():
        assert re.fullmatch(
            r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ +pango_load.*\n|    .*\n)+", log.read_text()
        )
    return log_of(ended, folder)


def test_0_every_row_was_accepted(tmp_path: Path) -> None:
    """A quiet night."""
    assert night(tmp_path) == snapshot("""\
exit 0
--- out
All 120 rows were accepted.

  read      120
  accepted  120  acknowledged by Pango, which works through them later
  rejected    0
  skipped     0
  unknown     0
  unsent      0

3 requests in 1 s.

Run     7f3a9c21
Folder  /srv/run
State   /srv/state
--- err
customers.csv as customer-identity, source "pango-load"
  Rows          120 read, 0 rejected
  To send       120 rows in 3 requests
  Earliest end  within a second
  Mapping       the headers: 7 of 7 columns are field names
  Address       cdp.example.com
  Lost answer   A request whose answer never came is sent again: no row of it is left out, and some
                may arrive twice (--on-unknown resend).
  Note          customers.csv: encoding UTF-8
""")


def test_1_totals_that_do_not_add_up(tmp_path: Path) -> None:
    """A bug is told as one, and what was sent is recorded; a journal is tampered with to have one."""
    write_customers(tmp_path / "customers.csv", 120)
    words = (*JOB, "--give-up-after", "1s")
    with Sandbox(SandboxSettings(windows=(), faults=(parse_fault("503%100"),))) as sandbox:
        assert pango_load(*words, folder=tmp_path, sandbox=sandbox).code == 5
        (journal,) = (tmp_path / "state" / "runs").glob("*.sqlite")
        with closing(sqlite3.connect(journal, isolation_level=None)) as db:
            db.execute("UPDATE run SET value = 999 WHERE key = 'read'")
        told = log_of(pango_load(*words, folder=tmp_path, sandbox=sandbox), tmp_path)
    assert told.startswith("exit 1\n")
    assert "The totals do not add up." in told


def test_2_a_slip_in_the_crontab(tmp_path: Path) -> None:
    """Two lines, and nothing was sent."""
    assert night(tmp_path, "--max-rejects", "two") == snapshot("""\
exit 2
--- out
--- err
Error: --max-rejects: "two" is neither a number of rows nor a percentage.
Try:   Write 100 or 5%.
""")


def test_3_some_rows_were_rejected(tmp_path: Path) -> None:
    """Where they are, and the command that sends them once they are mended."""
    assert night(tmp_path, bad=2) == snapshot("""\
exit 3
--- out
118 of 120 rows accepted; 2 rejected.

  read      120
  accepted  118  acknowledged by Pango, which works through them later
  rejected    2  turned down here, or refused by Pango
  skipped     0
  unknown     0
  unsent      0

Problems
  2 rows  email.shape  email  not an e-mail address

3 requests in 1 s.

What next
  Mend the rows in rejected.csv: the columns _pango_* say what is wrong with each.
  Then send them:
    pango-load retry 7f3a9c21

Run     7f3a9c21
Folder  /srv/run
State   /srv/state
--- err
customers.csv as customer-identity, source "pango-load"
  Rows          120 read, 2 rejected
  To send       118 rows in 3 requests
  Earliest end  within a second
  Mapping       the headers: 7 of 7 columns are field names
  Address       cdp.example.com
  Lost answer   A request whose answer never came is sent again: no row of it is left out, and some
                may arrive twice (--on-unknown resend).
  Note          customers.csv: encoding UTF-8
""")


def test_4_too_many_rows_were_rejected(tmp_path: Path) -> None:
    """A broken export is not half loaded."""
    assert night(tmp_path, "--max-rejects", "1%", bad=20) == snapshot("""\
exit 4
--- out
Stopped early. 0 of 120 rows accepted; 20 rejected, 100 not sent.
20 of 120 rows are rejected, which is more than --max-rejects allows; nothing was sent.

  read      120
  accepted    0
  rejected   20  turned down here, or refused by Pango
  skipped     0
  unknown     0
  unsent    100  not sent

Problems
  20 rows  email.shape  email  not an e-mail address

What next
  Mend the source, or the mapping, and start with the whole file again.
  Mend the rows in rejected.csv: the columns _pango_* say what is wrong with each.

Run     7f3a9c21
Folder  /srv/run
State   /srv/state
--- err
Error: 20 of 120 rows are rejected, which is more than --max-rejects allows; nothing was sent.
Try:   Mend the source, or the mapping, and start with the whole file again.
""")


def test_5_the_service_is_down(tmp_path: Path) -> None:
    """The next night goes on."""
    assert night(tmp_path, "--give-up-after", "1s", faults=("503%100",)) == snapshot("""\
exit 5
--- out
Stopped early. 0 of 120 rows accepted; 120 not sent.
Nothing has worked at cdp.example.com for 1 s (last: HTTP 503).

  read      120
  accepted    0
  rejected    0
  skipped     0
  unknown     0
  unsent    120  not sent

N requests tried in 1 s.

What next
  Run the same command again when the service is back; it goes on where it stopped.
    pango-load customers.csv --object customer-identity --timezone Asia/Ho_Chi_Minh --out run --give-up-after 1s

Run     7f3a9c21
Folder  /srv/run
State   /srv/state
--- err
customers.csv as customer-identity, source "pango-load"
  Rows          120 read, 0 rejected
  To send       120 rows in 3 requests
  Earliest end  within a second
  Mapping       the headers: 7 of 7 columns are field names
  Address       cdp.example.com
  Lost answer   A request whose answer never came is sent again: no row of it is left out, and some
                may arrive twice (--on-unknown resend).
  Note          customers.csv: encoding UTF-8
Error: Nothing has worked at cdp.example.com for 1 s (last: HTTP 503).
Try:   Run the same command again when the service is back; it goes on where it stopped.
""")


def test_6_the_keys_are_refused(tmp_path: Path) -> None:
    """The variables to be compared are named."""
    assert night(tmp_path, PANGO_API_KEY="an old key") == snapshot("""\
exit 6
--- out
Stopped early. 0 of 120 rows accepted; 120 not sent.
Pango refuses the credentials (HTTP 401, UNAUTHORIZED: Unknown user, key or organization.).

  read      120
  accepted    0
  rejected    0
  skipped     0
  unknown     0
  unsent    120  not sent

What next
  Compare PANGO_USERNAME, PANGO_API_KEY and PANGO_CDP_GKEY with the console.
    pango-load customers.csv --object customer-identity --timezone Asia/Ho_Chi_Minh --out run

Run     7f3a9c21
Folder  /srv/run
State   /srv/state
--- err
customers.csv as customer-identity, source "pango-load"
  Rows          120 read, 0 rejected
  To send       120 rows in 3 requests
  Earliest end  within a second
  Mapping       the headers: 7 of 7 columns are field names
  Address       cdp.example.com
  Lost answer   A request whose answer never came is sent again: no row of it is left out, and some
                may arrive twice (--on-unknown resend).
  Note          customers.csv: encoding UTF-8
Error: Pango refuses the credentials (HTTP 401, UNAUTHORIZED: Unknown user, key or organization.).
Try:   Compare PANGO_USERNAME, PANGO_API_KEY and PANGO_CDP_GKEY with the console.
""")


def test_7_pango_refuses_every_row_alike(tmp_path: Path) -> None:
    """It is the load that is wrong, not the rows."""
    told = night(tmp_path, rows=1200, faults=("400%100",))
    assert told.startswith("exit 7\n")
    assert "\nError: Pango refuses every row alike (HTTP 400, BAD_REQUEST: " in told
    assert "\nTry:   Look at the object type, the mapping" in told


def test_9_an_export_without_rows(tmp_path: Path) -> None:
    """Only where it was asked for."""
    assert night(tmp_path, "--error-on-empty", rows=0) == snapshot("""\
exit 9
--- out
Stopped before any row was judged; nothing was sent.
The source holds no rows.

  read      0
  accepted  0
  rejected  0
  skipped   0
  unknown   0
  unsent    0

What next
  Check what wrote the file.

Run     7f3a9c21
Folder  /srv/run
State   /srv/state
--- err
Error: The source holds no rows.
Try:   Check what wrote the file.
""")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["130", "143"])
def test_11_130_and_143_two_at_a_time_and_an_end_by_signal(number: int, code: int, tmp_path: Path) -> None:
    """A job that overlaps itself leaves the first one alone; one that is stopped says how to go on."""
    write_customers(tmp_path / "customers.csv", 1000)
    with Sandbox(SandboxSettings(windows=(), latency=(0.05, 0.1))) as sandbox:
        words = (*JOB, "--senders", "2", "--out", "run")
        process = start(*words, folder=tmp_path, sandbox=sandbox)
        wait_until_accepted(sandbox, 2, process)
        process.send_signal(signal.SIGSTOP)
        second = pango_load(*words, folder=tmp_path, sandbox=sandbox)
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert log_of(second, tmp_path) == snapshot("""\
exit 11
--- out
--- err
Error: Another process is running this same load: process 4711, since 2026-11-21 02:24:26 UTC.
Try:   Wait until it ends, or stop it (kill 4711) and run the same command again.
""")
    told = log_of(Ended(process.returncode, out, err), tmp_path)
    assert told.startswith(f"exit {code}\n")
    assert "Stopping: what is in flight is finished and recorded." in told
    assert "\nTry:   Run the same command again to go on where it stopped." in told


def test_a_bug_is_told_without_the_words_that_may_quote_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    """Protects a row from an error message of some library that quotes it."""
    try:
        int("0901234567x")
    except ValueError as error:
        print_bug(error)
    told = capsys.readouterr().err
    first, second, *places = told.splitlines()
    assert first == "Error: This is a bug of pango-load (ValueError); what was sent is recorded."
    assert second.startswith("Try:   Run the same command again to go on, and report these lines")
    assert "0901234567" not in told
    assert any("test_cron_transcripts.py" in place for place in places)
