"""What cron mails: a load without a terminal and with --quiet, for each way that it can end.

11, 130 and 143 need a second process and real signals: they stand in `test_interruptions.py` and `test_going_on.py`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from inline_snapshot import snapshot
from support.cli_more import env_file, in_this_process
from support.program import MAIN_JOB, customer, write_csv

from pango_load.sandbox.faults import parse_fault
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Protocol

    class Mail(Protocol):
        """Loads some customers as cron would."""

        def __call__(
            self,
            *words: str,
            rows: int = 120,
            bad: int = 0,
            faults: Sequence[str] = (),
            variables: dict[str, str] | None = None,
        ) -> tuple[int, str]: ...


ZONE = ("--timezone", "Asia/Ho_Chi_Minh")


@pytest.fixture
def mail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Mail:
    """Loads some customers as cron would: the exit code, and what cron would mail."""

    def of(
        *words: str, rows: int = 120, bad: int = 0, faults: Sequence[str] = (), variables: dict[str, str] | None = None
    ) -> tuple[int, str]:
        customers = [customer(number, **({"email": "x"} if number < bad else {})) for number in range(rows)]
        path = write_csv(tmp_path / "customers.csv", customers)
        with Sandbox(SandboxSettings(windows=(), faults=tuple(parse_fault(text) for text in faults))) as sandbox:
            flags = (*env_file(tmp_path, sandbox, **(variables or {})), "--out", str(tmp_path / "run"), "--quiet")
            ended = in_this_process(str(path), *MAIN_JOB, *ZONE, *flags, *words, capsys=capsys)
        assert ended.out == ""
        told = ended.err.replace(str(tmp_path), "/srv")
        return ended.code, re.sub(r"127\.0\.0\.1:\d+", "cdp.example.com", told)

    return of


def test_a_load_that_went_well_mails_nothing(mail: Mail) -> None:
    """No mail, no trouble."""
    assert mail() == (0, "")


def test_rejected_rows_are_one_line_with_their_folder(mail: Mail) -> None:
    """Whoever mends the rows finds them."""
    assert mail(bad=2) == snapshot((3, "118 of 120 rows accepted; 2 rejected. See /srv/run\n"))


def test_a_slip_in_the_command_is_two_lines(mail: Mail) -> None:
    """Whoever wrote the crontab sees what to write."""
    assert mail("--max-rejects", "two") == snapshot(
        (
            2,
            """\
Error: --max-rejects: "two" is neither a number of rows nor a percentage.
Try:   Write 100 or 5%.
""",
        )
    )


def test_too_many_rejected_rows_stop_it_before_anything_is_sent(mail: Mail) -> None:
    """A broken export is not half loaded."""
    assert mail("--max-rejects", "1%", bad=20) == snapshot(
        (
            4,
            """\
Error: 20 of 120 rows are rejected, which is more than --max-rejects allows; nothing was sent.
Try:   Mend the source, or the mapping, and start with the whole file again. Rejected rows: /srv/run
""",
        )
    )


def test_a_service_that_is_down_says_that_the_same_command_goes_on(mail: Mail) -> None:
    """The next night mends it."""
    assert mail("--give-up-after", "1s", faults=["503%100"]) == snapshot(
        (
            5,
            """\
Error: Nothing has worked at cdp.example.com for 1 s (last: HTTP 503).
Try:   Run the same command again when the service is back; it goes on where it stopped.
""",
        )
    )


def test_refused_credentials_name_the_variables(mail: Mail) -> None:
    """A key that was changed is looked for in the right place."""
    assert mail(variables={"PANGO_API_KEY": "an old key"}) == snapshot(
        (
            6,
            """\
Error: Pango refuses the credentials (HTTP 401, UNAUTHORIZED: Unknown user, key or organization.).
Try:   Compare PANGO_USERNAME, PANGO_API_KEY and PANGO_CDP_GKEY with the console.
""",
        )
    )


def test_a_load_that_is_refused_row_by_row_says_that_it_is_not_the_rows(mail: Mail) -> None:
    """Nobody mends a thousand rows that were right."""
    code, told = mail(rows=1200, faults=["400%100"])
    assert code == 7
    assert told.startswith("Error: Pango refuses every row alike (HTTP 400, BAD_REQUEST: ")
    assert "so it is the load that is wrong, not the rows.\nTry:   Look at the object type, the mapping" in told


def test_an_export_without_rows_is_an_error_where_it_was_asked_for(mail: Mail) -> None:
    """Whoever makes the export hears of it."""
    assert mail("--error-on-empty", rows=0) == snapshot(
        (
            9,
            """\
Error: The source holds no rows.
Try:   Check what wrote the file.
""",
        )
    )
