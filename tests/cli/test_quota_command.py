"""`quota` shows what a load has used of each limit, and forgets it when told to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import pytest
from inline_snapshot import snapshot
from support.cli_more import env_file, in_this_process, on_a_terminal, without_styles
from support.program import MAIN_JOB, pango_load, write_customers

from pango_load.cli.quota_command import quota_page
from pango_load.delivery.quota_status import QuotaStatus, WindowStatus
from pango_load.plan import PUBLISHED_WINDOWS
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ZONE = ("--timezone", "Asia/Ho_Chi_Minh")
LIMITS = {"PANGO_LIMITS": "50/1s,1000/1m,50000/1h"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings()) as running:
        yield running


def used(folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    ended = in_this_process("quota", "--json", *env_file(folder, sandbox, **LIMITS), capsys=capsys)
    assert ended.code == 0, ended.err
    windows = cast("list[dict[str, object]]", ended.summary["windows"])
    return {str(window["window"]): cast("int", window["used"]) for window in windows}


def test_what_a_load_sent_is_counted_until_it_is_reset(
    tmp_path: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the next load's plan: two requests and one authentication are used, of this account only."""
    write_customers(tmp_path / "a.csv", 100)
    assert used(tmp_path, sandbox, capsys) == {"1 s": 0, "1 min": 0, "1 h": 0}
    assert not (tmp_path / "state").exists()
    loaded = pango_load("a.csv", *MAIN_JOB, *ZONE, folder=tmp_path, sandbox=sandbox, variables=LIMITS)
    assert loaded.code == 0, loaded.err
    counted = used(tmp_path, sandbox, capsys)
    assert (counted["1 min"], counted["1 h"]) == (3, 3)
    reset = in_this_process("quota", "--reset", *env_file(tmp_path, sandbox, **LIMITS), capsys=capsys)
    assert reset.out.replace(str(sandbox.port), "PORT") == snapshot("""\
What was counted for this account is forgotten: every limit counts as unused from now on.
Host    127.0.0.1:PORT
Pango still counts what was sent: a 429 would tell, and the load would wait.
""")
    assert used(tmp_path, sandbox, capsys) == {"1 s": 0, "1 min": 0, "1 h": 0}


def test_a_damaged_quota_is_said_and_begins_anew_when_told(
    tmp_path: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects from a load that counts from nothing without anybody knowing."""
    in_this_process("login", *env_file(tmp_path, sandbox, **LIMITS), capsys=capsys)
    (file,) = (tmp_path / "state").glob("quota-*.sqlite")
    for beside in (tmp_path / "state").glob("quota-*.sqlite-*"):
        beside.unlink()
    file.write_bytes(b"no database" * 500)
    ended = in_this_process("quota", *env_file(tmp_path, sandbox, **LIMITS), capsys=capsys)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"Error: The quota file {file} is damaged.\nTry:   `pango-load quota --reset`")
    assert in_this_process("quota", "--reset", *env_file(tmp_path, sandbox, **LIMITS), capsys=capsys).code == 0
    assert used(tmp_path, sandbox, capsys) == {"1 s": 0, "1 min": 0, "1 h": 0}


def test_nothing_to_forget_and_no_limits_are_said(
    tmp_path: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects from thinking that something was done."""
    reset = in_this_process("quota", "--reset", *env_file(tmp_path, sandbox), capsys=capsys)
    assert reset.out.splitlines()[0] == "Nothing was counted for this account, so there was nothing to forget."
    shown = in_this_process("quota", *env_file(tmp_path, sandbox), capsys=capsys)
    assert shown.out.splitlines()[-1] == "PANGO_LIMITS=none: the limiter is switched off, and nothing is counted."


def test_whose_quota_is_meant_must_be_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects from the quota of nobody."""
    ended = in_this_process("quota", *env_file(tmp_path), capsys=capsys)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(
        "Error: PANGO_AUTH_URL, PANGO_INGEST_URL, PANGO_USERNAME, PANGO_API_KEY, PANGO_CDP_GKEY are not set"
    )


# --- screens ----------------------------------------------------------------------------------------------------------

NOW = 1_763_692_800.0
USED = (50, 960, 2_400, 2_400, 2_400)
BUSY = QuotaStatus(
    windows=tuple(
        WindowStatus(
            window=window, limit=window.limit, used=used, under_way=3, left=window.limit - used,
            frees_up=NOW + window.seconds / 10, all_free=None if window.seconds == 1 else NOW + window.seconds,
        )
        for window, used in zip(PUBLISHED_WINDOWS, USED, strict=True)
    ),
    asked_to_wait_until=None,
    processes=2,
)  # fmt: skip


@pytest.mark.parametrize(
    ("width", "screen"),
    [
        pytest.param(
            80,
            snapshot("""\
Requests of shop at pango.example, as this machine counts them

   1 s  ██████████      50 used       0 left of      50
        frees up in 0.1 s
 1 min  █████████░     960 used      40 left of   1,000
        frees up in 6 s, all in 1 min
 5 min  █████░░░░░   2,400 used   2,600 left of   5,000
        frees up in 30 s, all in 5 min
   1 h  █░░░░░░░░░   2,400 used  47,600 left of  50,000
        frees up in 6 min, all in 1 h
  24 h  █░░░░░░░░░   2,400 used 397,600 left of 400,000
        frees up in 2 h 24 min, all in 1 d

2 other processes of this machine have requests under way.
Requests of other machines on this account are not in it.
"""),
            id="80 columns",
        ),
        pytest.param(
            120,
            snapshot("""\
Requests of shop at pango.example, as this machine counts them

   1 s  ████████████████████      50 used       0 left of      50  frees up in 0.1 s
 1 min  ███████████████████░     960 used      40 left of   1,000  frees up in 6 s, all in 1 min
 5 min  ██████████░░░░░░░░░░   2,400 used   2,600 left of   5,000  frees up in 30 s, all in 5 min
   1 h  █░░░░░░░░░░░░░░░░░░░   2,400 used  47,600 left of  50,000  frees up in 6 min, all in 1 h
  24 h  █░░░░░░░░░░░░░░░░░░░   2,400 used 397,600 left of 400,000  frees up in 2 h 24 min, all in 1 d

2 other processes of this machine have requests under way.
Requests of other machines on this account are not in it.
"""),
            id="120 columns",
        ),
    ],
)
def test_the_bars_fit_the_screen(width: int, screen: str) -> None:
    """Protects whoever has a small window: nothing is broken at its edge."""
    lines = [line.text for line in quota_page(BUSY, "shop at pango.example", NOW, width=width)]
    assert max(map(len, lines)) <= width
    assert "\n".join(lines) + "\n" == screen


def test_a_spent_window_is_red_on_a_terminal(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects whoever only glances at it."""
    variables = {"PANGO_LIMITS": "1/1h,1000/1d"}
    pango_load("login", folder=tmp_path, sandbox=sandbox, variables=variables)
    code, shown = on_a_terminal("quota", folder=tmp_path, sandbox=sandbox, variables=variables, columns=80)
    assert code == 0
    assert "\x1b[31m   1 h  ██████████       1 used       0 left of       1\x1b[0m" in shown
    assert re.search(r"frees up in (59 min \d+ s|1 h)", without_styles(shown))
