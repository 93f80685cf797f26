"""What a person sees, from the first line to the last: on terminals of 80 and 120 columns, and in a pipe.

`preview`, `map`, `runs`, `quota`, `login` and the single blocks of a load are pinned beside their own tests.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
from inline_snapshot import snapshot
from support.cli_more import on_a_terminal
from support.program import MAIN_JOB, REPOSITORY, pango_load, pango_load_process

from pango_load.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
VARYING = (
    (re.compile(r"\b[0-9a-f]{8}\b"), "7f3a9c21"),
    (re.compile(r"\d{8}T\d{6}Z"), "20261121T022426Z"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:8765"),
    (re.compile(r"in \d+(\.\d)? s\."), "in 1 s."),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The sample customers and their mapping, as in the repository."""
    shutil.copy(REPOSITORY / "sample_data" / "customers.csv", tmp_path)
    (tmp_path / "mappings").mkdir()
    shutil.copy(REPOSITORY / "mappings" / "customer-identity.yaml", tmp_path / "mappings")
    return tmp_path


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def steady(shown: str, folder: Path) -> str:
    """A screen without what differs from run to run: ids, times, ports, folders, and the bar that is wiped away."""
    lines = [line for line in shown.replace("\r", "\n").split("\n") if not re.search("[━⠀-⣿]", line)]
    text = CONTROL.sub("", "\n".join(lines)).replace(str(folder), "/home/lan")
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return re.sub(r"\n{3,}", "\n\n", text)


def on_screen(*words: str, folder: Path, columns: int, sandbox: Sandbox | None = None) -> str:
    """The exit code, and all that a terminal showed."""
    code, shown = on_a_terminal(
        *words, folder=folder, columns=columns, sandbox=sandbox, variables={"NO_COLOR": "1", "PANGO_LIMITS": ""}
    )
    return f"exit {code}\n" + steady(shown, folder).lstrip("\n")


def in_a_pipe(*words: str, folder: Path, sandbox: Sandbox | None = None) -> str:
    """What cron would keep: standard output, standard error, and the exit code."""
    ended = pango_load_process(*words, folder=folder, sandbox=sandbox, variables={"PANGO_LIMITS": ""})
    told = f"exit {ended.code}\n--- out\n{ended.out}--- err\n{ended.err}"
    return steady(told, folder)


def test_a_check_on_a_narrow_terminal(folder: Path) -> None:
    """A person sees what would be, and what to do about it."""
    assert on_screen("check", "customers.csv", *MAIN_JOB, folder=folder, columns=80) == snapshot("""\
exit 3
customers.csv as customer-identity, source "CRM"
  Rows          25 read, 4 rejected
  To send       21 rows in 1 request
  Earliest end  within a second
  Mapping       mappings/customer-identity.yaml (14 columns)
  Note          customers.csv: encoding UTF-8

21 of 25 rows can be sent; 4 rejected.

  read      25
  accepted   0
  rejected   4  turned down here
  skipped    0
  unknown    0
  unsent    21  valid, since check sends nothing

Problems
  1 row  date.format      dob           not a date
  1 row  email.shape      email         not an e-mail address
  1 row  required.any-of  phone, email  none of several fields is filled in
  1 row  word.closed      gender        a word that is not in the field's list

Warnings (these rows were let through)
  2 rows  date.old-clock  dob  older clock: may show a day off

First rejected rows
  Row 8
    One of phone, email is required, and none is there.
    Fill in one of phone, email.
  Row 13
    email: "tung.do@example" is not an e-mail address.
    Mend or empty the cell; checks: {email: warn} in the mapping sends it as it
    is.
  Row 19
    dob: "31/02/1990" is not a date in %d/%m/%Y.
    Mend the cell.

What next
  Mend the rows in rejected.csv: the columns _pango_* say what is wrong with
  each.
  Try one date of date.old-clock: if Pango's console shows the day before, use
  timezone: Etc/GMT-7, which reads every date by today's clock of Viet Nam.
  To send the valid rows:
    pango-load customers.csv --object customer-identity

Run     7f3a9c21
Folder  /home/lan/pango-load-runs/customers-20261121T022426Z-7f3a9c21
""")


def test_a_load_on_a_wide_terminal(folder: Path, sandbox: Sandbox) -> None:
    """A person sees what will happen, what happened, and what is left to do."""
    assert on_screen("customers.csv", *MAIN_JOB, folder=folder, columns=120, sandbox=sandbox) == snapshot("""\
exit 3
customers.csv as customer-identity, source "CRM"
  Rows          25 read, 4 rejected
  To send       21 rows in 1 request
  Earliest end  within a second
  Mapping       mappings/customer-identity.yaml (14 columns)
  Address       127.0.0.1:8765
  Lost answer   A request whose answer never came is sent again: no row of it is left out, and some may arrive twice
                (--on-unknown resend).
  Note          customers.csv: encoding UTF-8

21 of 25 rows accepted; 4 rejected.

  read      25
  accepted  21  acknowledged by Pango, which works through them later
  rejected   4  turned down here, or refused by Pango
  skipped    0
  unknown    0
  unsent     0

Problems
  1 row  date.format      dob           not a date
  1 row  email.shape      email         not an e-mail address
  1 row  required.any-of  phone, email  none of several fields is filled in
  1 row  word.closed      gender        a word that is not in the field's list

Warnings (these rows were let through)
  2 rows  date.old-clock  dob  older clock: may show a day off

First rejected rows
  Row 8
    One of phone, email is required, and none is there.
    Fill in one of phone, email.
  Row 13
    email: "tung.do@example" is not an e-mail address.
    Mend or empty the cell; checks: {email: warn} in the mapping sends it as it is.
  Row 19
    dob: "31/02/1990" is not a date in %d/%m/%Y.
    Mend the cell.

1 request in 1 s.

What next
  Mend the rows in rejected.csv: the columns _pango_* say what is wrong with each.
  Try one date of date.old-clock: if Pango's console shows the day before, use timezone: Etc/GMT-7, which reads every
  date by today's clock of Viet Nam.
  Then send them:
    pango-load retry 7f3a9c21

Run     7f3a9c21
Folder  /home/lan/pango-load-runs/customers-20261121T022426Z-7f3a9c21
State   /home/lan/state
""")


def test_a_load_given_again_on_a_narrow_terminal(folder: Path, sandbox: Sandbox) -> None:
    """Whoever is not sure whether it ran sees that it did, and that nothing was sent twice."""
    pango_load("customers.csv", *MAIN_JOB, "--limit", "3", folder=folder, sandbox=sandbox)
    shown = on_screen("customers.csv", *MAIN_JOB, "--limit", "3", folder=folder, columns=80, sandbox=sandbox)
    assert shown == snapshot("""\
exit 0
Nothing to do: run 7f3a9c21 has sent this same content already. --again sends it
once more.

3 of 25 rows accepted; 22 left out on purpose.

  read      25
  accepted   3  acknowledged by Pango, which works through them later
  rejected   0
  skipped   22  left out on purpose
  unknown    0
  unsent     0

1 request in 1 s.

Run     7f3a9c21
Folder  /home/lan/pango-load-runs/customers-20261121T022426Z-7f3a9c21
State   /home/lan/state
""")


def test_a_load_in_a_pipe(folder: Path, sandbox: Sandbox) -> None:
    """A log holds no value of a row, and both streams tell their part."""
    assert in_a_pipe("customers.csv", *MAIN_JOB, folder=folder, sandbox=sandbox) == snapshot("""\
exit 3
--- out
21 of 25 rows accepted; 4 rejected.

  read      25
  accepted  21  acknowledged by Pango, which works through them later
  rejected   4  turned down here, or refused by Pango
  skipped    0
  unknown    0
  unsent     0

Problems
  1 row  date.format      dob           not a date
  1 row  email.shape      email         not an e-mail address
  1 row  required.any-of  phone, email  none of several fields is filled in
  1 row  word.closed      gender        a word that is not in the field's list

Warnings (these rows were let through)
  2 rows  date.old-clock  dob  older clock: may show a day off

1 request in 1 s.

What next
  Mend the rows in rejected.csv: the columns _pango_* say what is wrong with each.
  Try one date of date.old-clock: if Pango's console shows the day before, use timezone: Etc/GMT-7,
  which reads every date by today's clock of Viet Nam.
  Then send them:
    pango-load retry 7f3a9c21

Run     7f3a9c21
Folder  /home/lan/pango-load-runs/customers-20261121T022426Z-7f3a9c21
State   /home/lan/state
--- err
customers.csv as customer-identity, source "CRM"
  Rows          25 read, 4 rejected
  To send       21 rows in 1 request
  Earliest end  within a second
  Mapping       mappings/customer-identity.yaml (14 columns)
  Address       127.0.0.1:8765
  Lost answer   A request whose answer never came is sent again: no row of it is left out, and some
                may arrive twice (--on-unknown resend).
  Note          customers.csv: encoding UTF-8
""")


def test_a_quiet_load_in_a_pipe(folder: Path, sandbox: Sandbox) -> None:
    """A mail from cron has one line: what is wrong, and where it lies."""
    assert in_a_pipe("customers.csv", *MAIN_JOB, "--quiet", folder=folder, sandbox=sandbox) == snapshot("""\
exit 3
--- out
--- err
21 of 25 rows accepted; 4 rejected. See /home/lan/pango-load-runs/customers-20261121T022426Z-7f3a9c21
""")


def test_headers_that_do_not_fit_on_a_narrow_terminal(folder: Path) -> None:
    """The most frequent mistake of a first hour: the next command can be copied."""
    (folder / "a.csv").write_text("Mã KH;Họ và tên;SĐT\n1;An;0901000101\n", encoding="utf-8")
    assert on_screen("check", "a.csv", *MAIN_JOB, folder=folder, columns=80) == snapshot("""\
exit 2
Error: The headers are not those of customer-identity; nothing was sent.
  mappings/customer-identity.yaml does not fit: the file has no column "Customer
    Code", "Full name", "Mobile" and others.
  headers: customerId is required, and no column becomes it. "Mã KH" looks like
    customerId.
  headers: phone or email is required, and no column becomes one of them. "SĐT"
    looks like phone.
  headers: fullName, or firstName and lastName is required, and no column
    becomes one of them. "Họ và tên" looks like fullName.
  headers: none of the columns is called like a field of customer-identity.
Try:   `pango-load map a.csv --object customer-identity -o another.yaml`
       proposes a mapping for this file beside mappings/customer-identity.yaml;
       --mapping another.yaml then uses it.
""")


def test_a_column_that_went_missing_in_a_pipe(folder: Path) -> None:
    """The most frequent mistake of a nightly job: the column is named, and the right file is asked for."""
    text = (folder / "customers.csv").read_text(encoding="utf-8")
    (folder / "customers.csv").write_text(text.replace("Birthday", "Date of birth", 1), encoding="utf-8")
    shown = in_a_pipe("check", "customers.csv", *MAIN_JOB, folder=folder)
    assert shown == (
        "exit 2\n--- out\n--- err\n"
        "Error: mappings/customer-identity.yaml has a mistake; nothing was sent.\n"
        "  mappings/customer-identity.yaml, line 18, columns > Birthday: the file has no column of this name. "
        'Did you mean "Date of birth"?\n'
        "Try:   Check that it is the right file; if its columns have changed for good, change their names in "
        "mappings/customer-identity.yaml and run the same command again.\n"
    )


def test_a_folder_without_credentials_in_a_pipe(folder: Path) -> None:
    """Whoever stands in the wrong folder is told which one it is."""
    assert in_a_pipe("customers.csv", *MAIN_JOB, folder=folder) == (
        "exit 2\n--- out\n--- err\n"
        "Error: PANGO_AUTH_URL, PANGO_INGEST_URL, PANGO_USERNAME, PANGO_API_KEY, PANGO_CDP_GKEY are not set "
        "(looked in the environment; there is no .env in /home/lan).\n"
        "Try:   Copy the values from the model's API screen into .env; `--sandbox` on a load needs none.\n"
    )


@pytest.mark.parametrize("columns", [80, 120])
def test_an_object_type_fits_its_terminal(columns: int, folder: Path) -> None:
    """A table is read, not scrolled sideways."""
    shown = on_screen("objects", "customer-identity-email", folder=folder, columns=columns)
    assert max(map(len, shown.splitlines())) <= columns
    assert shown.startswith("exit 0\ncustomer-identity-email: Customer Email\n")
