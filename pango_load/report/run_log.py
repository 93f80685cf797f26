"""`run.log`: what happened and when, in plain lines or as JSON, with no secret and no row value."""

from __future__ import annotations

import json
import logging
import os
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TextIO
from urllib.parse import quote, quote_plus

from pango_load.errors import LoadStopped
from pango_load.report.plain_text import one_line
from pango_load.report.private_files import FILE_MODE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LogFormat = Literal["plain", "json"]

MASK = "***"

_KNOWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class Secrets:
    """What must never be seen in any text; a token that is renewed on the way is added."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._spellings: list[str] = []
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Mask these from now on, also as JSON and addresses spell them."""
        found = set(self._spellings)
        for secret in filter(None, secrets):
            found |= {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], one_line(secret)}
        # The longest first: a secret that holds another must not leave its rest in sight.
        self._spellings = sorted(found, key=len, reverse=True)

    def mask(self, text: str) -> str:
        """`text` with `***` in the place of every secret."""
        for spelling in self._spellings:
            text = text.replace(spelling, MASK)
        return text

    def __repr__(self) -> str:
        return f"Secrets({len(self._spellings)} spellings)"


class LogFormatter(logging.Formatter):
    """One line for each record, in UTC, with secrets masked.

    An exception is told by its type and its places in the program. Its own words are left out, since those of a
    library may quote a row; only a `LoadStopped` speaks, whose message holds no value.
    """

    def __init__(self, secrets: Secrets, *, format: LogFormat = "plain") -> None:  # noqa: A002 - the flag's word
        super().__init__()
        self._secrets = secrets
        self._is_json = format == "json"

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end; further lines of a plain one are indented."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = self._secrets.mask(record.getMessage())
        failed = exception_lines(record.exc_info[1]) if record.exc_info and record.exc_info[1] else []
        failed = [self._secrets.mask(line) for line in failed]
        if self._is_json:
            told: dict[str, object] = {
                "time": time,
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": message,
            }
            extra = {key: value for key, value in vars(record).items() if key not in _KNOWN}
            told |= {key: self._plain(value) for key, value in extra.items() if key not in told}
            return json.dumps(told | ({"exception": failed} if failed else {}), ensure_ascii=False)
        first = f"{time} {record.levelname:<7} {record.name}: {one_line(message)}"
        return "\n".join([first, *(f"    {one_line(line)}" for line in failed)])

    def _plain(self, value: object) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        return self._secrets.mask(str(value))


def exception_lines(error: BaseException) -> list[str]:
    """The exception and those it came from, the cause first: type and places, and the words of a `LoadStopped`."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = exception_lines(cause) if cause is not None else []
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            lines += exception_lines(inner)
    said = f": {error.message}" if isinstance(error, LoadStopped) else ""
    lines.append(f"{type(error).__module__}.{type(error).__qualname__}{said}")
    lines += [
        f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    return lines


class _PrivateFileHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a file of its own and closes it."""

    def close(self) -> None:
        self.stream.close()
        super().close()


def open_run_log(
    path: Path,
    secrets: Secrets,
    *,
    format: LogFormat = "plain",  # noqa: A002 - the flag's word
    level: int = logging.INFO,
) -> logging.Handler:
    """A handler that goes on with the log at `path`, mode 0600; the caller adds it to a logger and closes it.

    Raises:
        OSError: where the file cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, FILE_MODE)
    os.fchmod(descriptor, FILE_MODE)
    return _ready(
        _PrivateFileHandler(os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")),
        secrets,
        format,
        level,
    )


def log_to(
    stream: TextIO,
    secrets: Secrets,
    *,
    format: LogFormat = "plain",  # noqa: A002 - the flag's word
    level: int = logging.WARNING,
) -> logging.Handler:
    """A handler for a stream that is open already: standard error."""
    return _ready(logging.StreamHandler(stream), secrets, format, level)


def _ready(handler: logging.Handler, secrets: Secrets, format_: LogFormat, level: int) -> logging.Handler:
    handler.setFormatter(LogFormatter(secrets, format=format_))
    handler.setLevel(level)
    return handler
