"""`login` says whether the keys are good, and never says the keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from inline_snapshot import snapshot
from support.cli_more import env_file, in_this_process
from support.program import Ended, pango_load

from pango_load.sandbox.faults import parse_fault
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings()) as running:
        yield running


def holds_a_secret(ended: Ended, sandbox: Sandbox) -> bool:
    given = sandbox.credentials
    return any(secret in ended.out + ended.err for secret in (given.api_key, given.group_key))


def told(ended: Ended, sandbox: Sandbox) -> str:
    """What was said, without what differs from run to run."""
    text = (ended.out + ended.err).replace(f":{sandbox.port}", ":PORT")
    text = re.sub(r"(?m)^(From +).*(?:\n {8}.*)?$", r"\1ORIGIN", text)
    return re.sub(r"until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z0-9:+-]+", "until THEN", text)


def test_good_credentials_are_told_with_who_where_and_until_when(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects the first hour: one command tells whether the keys of the console arrived whole."""
    ended = pango_load("login", folder=tmp_path, sandbox=sandbox)
    assert ended.code == 0
    assert not holds_a_secret(ended, sandbox)
    assert sandbox.request_log == ()
    assert told(ended, sandbox) == snapshot("""\
Pango takes these credentials.

User    sandbox
Host    127.0.0.1:PORT
Token   lives 1,800 s, until THEN; a load renews it by itself
From    ORIGIN

No row was sent. Whether this user may send rows shows with the first request.
""")


def test_the_call_counts_in_the_quota_and_waits_for_no_day(
    tmp_path: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects loads beside it from a 429, and a person from a command that hangs until tomorrow."""
    words = ("login", *env_file(tmp_path, sandbox, PANGO_LIMITS="1/1d"))
    assert in_this_process(*words, capsys=capsys).code == 0
    asked = sum(sandbox.auth_statuses.values())
    ended = in_this_process(*words, capsys=capsys)
    assert (ended.code, sum(sandbox.auth_statuses.values())) == (5, asked)
    assert told(ended, sandbox) == snapshot("""\
Error: This account's limits are spent until THEN; nothing was asked.
Try:   `pango-load quota` shows them.
""")


REFUSALS = [
    pytest.param(
        {"PANGO_API_KEY": "canary-secret"}, 6,
        "Error: Pango refuses the credentials (HTTP 401, UNAUTHORIZED: Unknown user, key or organization.).",
        id="wrong key",
    ),
    pytest.param(
        {"PANGO_AUTH_URL": "http://127.0.0.1:9/authen"}, 5,
        "Error: 127.0.0.1:9 gave no token: the host refuses connections.", id="nobody there",
    ),
    pytest.param({"PANGO_AUTH_URL": "{base}/nothing"}, 7, "Error: PANGO_AUTH_URL answers HTTP 404", id="wrong path"),
    pytest.param({"PANGO_AUTH_URL": "{base}/received"}, 7, "Error: PANGO_AUTH_URL answers HTTP 40", id="no such call"),
    pytest.param(
        {"PANGO_AUTH_URL": "http://pango.example/authen"}, 2,
        "Error: PANGO_AUTH_URL is an http:// address of another machine (pango.example)", id="in clear",
    ),
    pytest.param(
        {"PANGO_USERNAME": "", "PANGO_CDP_GKEY": ""}, 2,
        "Error: PANGO_USERNAME, PANGO_CDP_GKEY are not set", id="not set",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "code", "said"), REFUSALS)
def test_what_is_wrong_has_its_exit_code_and_its_next_step(
    changed: dict[str, str],
    code: int,
    said: str,
    tmp_path: Path,
    sandbox: Sandbox,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Protects from looking for a typing error in the keys where the address is wrong, and the other way round."""
    variables = {name: value.format(base=sandbox.base_url) for name, value in changed.items()}
    ended = in_this_process("login", *env_file(tmp_path, sandbox, **variables), capsys=capsys)
    assert (ended.code, ended.out) == (code, "")
    first, second = ended.err.splitlines()
    assert first.startswith(said)
    assert second.startswith("Try:   ")
    assert "canary-secret" not in ended.err


def test_a_service_that_is_down_is_exit_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects from calling good keys bad while the service restarts."""
    with Sandbox(SandboxSettings(faults=(parse_fault("auth-500:100"),))) as down:
        ended = in_this_process("login", *env_file(tmp_path, down), capsys=capsys)
    assert ended.code == 5
    assert "gave no token: HTTP 500" in ended.err


def test_a_ready_token_cannot_be_tried_without_a_row(
    tmp_path: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects from a row sent only to see whether a token works."""
    token = sandbox.issue_token()
    variables = {"PANGO_TOKEN": token, "PANGO_USERNAME": "", "PANGO_CDP_GKEY": "", "PANGO_AUTH_URL": ""}
    asked = sum(sandbox.auth_statuses.values())
    ended = in_this_process("login", *env_file(tmp_path, sandbox, **variables), capsys=capsys)
    assert ended.code == 0
    assert token not in ended.out + ended.err
    assert sum(sandbox.auth_statuses.values()) == asked
    assert told(ended, sandbox) == snapshot("""\
PANGO_TOKEN is set: whether Pango still takes it cannot be checked without sending a row.

Host    127.0.0.1:PORT
From    ORIGIN

A token is documented to live 30 min. Get a new one on the model's API screen.
""")
