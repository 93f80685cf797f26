"""The log says what happened, and never a secret or a row value."""

from __future__ import annotations

import io
import json
import logging
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from pango_load.errors import TemporaryStop
from pango_load.report.run_log import LogFormat, LogFormatter, Secrets, exception_lines, log_to, open_run_log

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = 'canary/"token"+&'


def a_record(message: str, *args: object, error: BaseException | None = None, **extra: object) -> logging.LogRecord:
    record = logging.LogRecord("pango_load.delivery", logging.WARNING, "", 0, message, args, None)
    record.created = 1795228646.25
    record.__dict__.update(extra)
    if error is not None:
        record.exc_info = (type(error), error, error.__traceback__)
    return record


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    """`error` as it is when it was raised."""
    try:
        raise error from cause  # noqa: TRY301 - a trace is what is wanted
    except BaseException as caught:  # noqa: BLE001 - whatever was given
        return caught


def test_a_plain_line_has_time_level_place_and_words() -> None:
    """A person can follow it, and grep can too."""
    line = LogFormatter(Secrets()).format(a_record("batch %d: answer %d", 7, 503))
    assert line == snapshot("2026-11-21T02:37:26.250Z WARNING pango_load.delivery: batch 7: answer 503")


def test_a_json_line_has_the_same_and_what_was_added() -> None:
    """Log collectors take one object for each line."""
    line = LogFormatter(Secrets(), format="json").format(a_record("batch %d", 7, http=503, where=TOKEN))
    assert json.loads(line) == snapshot(
        {
            "time": "2026-11-21T02:37:26.250Z",
            "level": "warning",
            "logger": "pango_load.delivery",
            "message": "batch 7",
            "http": 503,
            "where": 'canary/"token"+&',
        }
    )


@pytest.mark.parametrize("format_", ["plain", "json"])
@pytest.mark.parametrize(
    "spelled",
    [TOKEN, "canary%2F%22token%22%2B%26", 'canary/\\"token\\"+&'],
    ids=["as it is", "in an address", "in JSON"],
)
def test_a_secret_is_masked_however_it_is_spelled(format_: LogFormat, spelled: str) -> None:
    """A failing request is logged with its address and its body."""
    formatter = LogFormatter(Secrets(["other", TOKEN]), format=format_)
    error = raised(TemporaryStop(f"the answer to {spelled}"))
    line = formatter.format(a_record("sent %s", spelled, error=error, header=spelled))
    assert "canary" not in line
    assert "***" in line


def test_a_token_that_was_renewed_is_masked_too() -> None:
    """The second token is as secret as the first."""
    secrets = Secrets([TOKEN])
    formatter = LogFormatter(secrets)
    secrets.add("second-token", "")
    assert "second-token" not in formatter.format(a_record("second-token"))
    assert "second-token" not in repr(secrets)


@given(secret=st.text(min_size=1), before=st.text(), after=st.text())
def test_no_secret_is_ever_in_a_line(secret: str, before: str, after: str) -> None:
    """Wherever it stands."""
    masked = Secrets([secret]).mask(before + secret + after)
    assert secret not in masked.replace("***", "") or secret in "***"


def test_the_words_of_a_library_are_left_out() -> None:
    """They may quote a row."""
    error = raised(TemporaryStop("the service does not answer"), raised(ValueError("an@shop.vn is no number")))
    told = "\n".join(exception_lines(error))
    assert "an@shop.vn" not in told
    assert told.startswith("builtins.ValueError\n")
    assert "pango_load.errors.TemporaryStop: the service does not answer" in told
    assert "test_run_log.py:" in told


def test_every_exception_of_a_group_is_told() -> None:
    """Senders fail side by side."""
    group = ExceptionGroup("several", [ValueError("an@shop.vn"), TemporaryStop("stopped")])
    told = exception_lines(group)
    assert told == ["builtins.ValueError", "pango_load.errors.TemporaryStop: stopped", "builtins.ExceptionGroup"]


def test_a_message_cannot_forge_a_second_line() -> None:
    """A name in a file must not write the log."""
    assert "\n" not in LogFormatter(Secrets()).format(a_record("a\nb\x1b[2J"))


def test_the_log_is_private_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """A resumed load has one log."""
    path = tmp_path / "run.log"
    for word in ("first", "second"):
        handler = open_run_log(path, Secrets())
        handler.handle(a_record(word))
        handler.close()
    assert [line.rsplit(" ", 1)[1] for line in path.read_text(encoding="utf-8").splitlines()] == ["first", "second"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_level_is_kept() -> None:
    """Standard error shows warnings, the file shows more."""
    stream = io.StringIO()
    logger = logging.Logger("pango_load")  # noqa: LOG001 - one that no other test knows
    logger.addHandler(log_to(stream, Secrets()))
    logger.info("quiet")
    logger.warning("loud")
    assert stream.getvalue().endswith("loud\n")
    assert "quiet" not in stream.getvalue()


def test_a_secret_that_holds_another_leaves_no_rest() -> None:
    """A key and the token made from it may begin alike."""
    assert Secrets(["abc", "abcdef"]).mask("x abcdef abc") == "x *** ***"
