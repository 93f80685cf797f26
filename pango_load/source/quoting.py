"""Where a record of delimited text begins and ends, and whether its quotes can be trusted.

Everything here works on UTF-8 bytes. Separator and quote are one byte each; a line ends with LF (a CR before it
belongs to the end) or, in files of old Macs, with CR alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_RECORD = 16 << 20
"""Bytes after which a quote that nobody closed is taken for a stray one, so that it cannot swallow the file."""

QUOTE = b'"'

_UNCLOSED = re.compile(rb'"(?:[^"]++|"")*+')


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a delimited file separates.

    Attributes:
        separator: between cells, one byte.
        line_end: LF (CRLF included) or CR.
    """

    separator: bytes = b","
    line_end: bytes = b"\n"

    @cached_property
    def cell(self) -> re.Pattern[bytes]:
        """A cell and what ends it: group 1 in quotes (a quote inside is doubled), or group 2 without, then group 3."""
        apart, end = re.escape(self.separator), re.escape(self.line_end)
        stop = b"\r?" + end + b"|\r?\\Z" if self.has_cr else end + b"|\\Z"
        plain = b'[^"' + apart + end + b"][^" + apart + end + b"]*+"
        return re.compile(b'(?:"((?:[^"]++|"")*+)"|(' + plain + b")?)(" + apart + b"|" + stop + b")")

    @property
    def has_cr(self) -> bool:
        """Whether a CR before a line's end belongs to it."""
        return self.line_end == b"\n"


@dataclass(frozen=True, slots=True)
class Found:
    """One line or record as it stands in the text.

    Attributes:
        start, end: its bytes, without the line's end.
        next: where the following one begins.
        cells: its cells, quotes taken off; empty for a blank line; None where a quote makes no sense.
    """

    start: int
    end: int
    next: int
    cells: list[bytes] | None


def find_records(text: bytes, dialect: Dialect, *, final: bool, start: int = 0) -> Iterator[Found]:
    """Every record of `text` from `start`, one after the other, blank lines included.

    Stops before a record that may go on behind `text`, unless this is the `final` piece of the file or the record
    has passed `LONGEST_RECORD`. A quote that is followed by neither a separator nor a line's end, or that nobody
    closes, spoils its line only: reading goes on with the next line.
    """
    while start < len(text):
        found = _next_record(text, start, dialect, final=final)
        if found is None:
            return
        yield found
        start = found.next


def _next_record(text: bytes, start: int, dialect: Dialect, *, final: bool) -> Found | None:
    forced = final or len(text) - start > LONGEST_RECORD
    end = text.find(dialect.line_end, start)
    if end < 0:
        if not forced:
            return None
        end = len(text)
    if text.find(QUOTE, start, end) < 0:
        stop = _without_cr(text, start, end, dialect)
        cells = text[start:stop].split(dialect.separator) if stop > start else []
        return Found(start, stop, min(end + 1, len(text)), cells)
    spoilt = Found(start, _without_cr(text, start, end, dialect), min(end + 1, len(text)), None)
    return _quoted_record(text, start, dialect, spoilt, forced=forced)


def _quoted_record(text: bytes, start: int, dialect: Dialect, spoilt: Found, *, forced: bool) -> Found | None:
    cells: list[bytes] = []
    at = start
    while True:
        match = dialect.cell.match(text, at)
        if match is None:
            is_open = not forced and _UNCLOSED.fullmatch(text, at) is not None
            return None if is_open else spoilt
        at = match.end()
        if at == len(text) and match[3] != dialect.line_end and not forced:
            return None
        quoted, plain, end = match.groups()
        cells.append(quoted.replace(b'""', QUOTE) if quoted is not None else plain or b"")
        if end != dialect.separator:
            if quoted is None and dialect.has_cr:
                cells[-1] = cells[-1].removesuffix(b"\r")
            return Found(start, _without_cr(text, start, match.start(3), dialect), at, cells)


def _without_cr(text: bytes, start: int, end: int, dialect: Dialect) -> int:
    return end - 1 if dialect.has_cr and text.endswith(b"\r", start, end) else end


def last_cut(text: bytes, dialect: Dialect) -> int:
    """Where the last whole record of `text` ends, as far as counting quotes can tell.

    Looks for the last line's end with an even number of quotes before it, 0 where there is none; a stray quote misleads
    it, so `Letters.quotes_taken_off` must agree before the cut is believed.
    """
    inside = text.count(QUOTE) % 2 == 1
    at = len(text)
    while at > 0:
        if inside:
            at = text.rfind(QUOTE, 0, at)
            inside = False
            continue
        line_end = text.rfind(dialect.line_end, 0, at)
        if line_end < 0:
            break
        if text.count(QUOTE, line_end, at) % 2 == 0:
            return line_end + 1
        inside = True
        at = line_end
    return 0


def returns_before_line_ends(text: bytes, dialect: Dialect) -> int:
    """How many CR belong to a line's end, those inside quotes left out; the quotes must make sense."""
    if not dialect.has_cr or b"\r" not in text:
        return 0
    return sum(piece.count(b"\r\n") for piece in text.split(QUOTE)[::2])
