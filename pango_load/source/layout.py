"""How a delimited text is laid out, found from its beginning: separator, line ends, header row."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from pango_load.errors import UsageError
from pango_load.source.formats import check_headers, header_text
from pango_load.source.quoting import QUOTE, Dialect, Found, find_records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pango_load.plan import SourceOptions

_SEPARATORS = (b",", b";", b"\t", b"|")
_SAMPLE_RECORDS = 200
_SEP_LINE = re.compile(rb"sep=(.)\r?\n?\Z", re.IGNORECASE | re.DOTALL)
_NAMES = {b",": "comma", b";": "semicolon", b"\t": "tab", b"|": "bar"}
_FEW = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the records of a delimited file stand, and what their cells are called.

    Attributes:
        names: every header in order, trimmed, `MARK_COLUMNS` included, empty ones at the end left out.
        unnamed: columns at the end that have no header and must be empty.
        preface: the bytes before the first record, header included.
        header_row: number of the header's line.
        notes: what was found out and a person should see.
    """

    dialect: Dialect
    names: tuple[str, ...]
    unnamed: int
    preface: bytes
    header_row: int
    notes: tuple[str, ...] = ()


def find_layout(
    path: Path, head: bytes, options: SourceOptions, *, final: bool, wanted: frozenset[str] = frozenset()
) -> Layout:
    """The layout of a text that begins with `head` (UTF-8, no byte order mark).

    Args:
        path: named in messages.
        head: some megabytes, or all of it when `final`.
        options: `delimiter` and `header_row` are looked at.
        final: nothing comes after `head`.
        wanted: headers that a mapping names; a row that holds all of them is the header row.

    Raises:
        UsageError: no headers, headers that cannot be used, or a row above them that must be confirmed.
    """
    line_end = _find_line_end(head)
    asked = _asked_separator(options.delimiter)
    sep_line = _sep_line(head, line_end)
    separator = asked or sep_line
    dialect = Dialect(line_end=line_end, separator=separator or b",")
    if separator is None:
        dialect = _guess_dialect(head, dialect, final=final)
    lines = list(islice(find_records(head, dialect, final=final), max(_SAMPLE_RECORDS, options.header_row or 0)))
    skipped = 1 if sep_line is not None else 0
    row = options.header_row or _find_header_row(path, lines, skipped, wanted)
    layout = _read_header(path, head, dialect, lines, row)
    notes = []
    if asked is None and dialect.separator != b",":
        name = _NAMES.get(dialect.separator, repr(dialect.separator.decode(errors="replace")))
        notes.append(f"cells separated by {name}{', as its first line says' if sep_line else ''}")
    if row - skipped > 1 and any(line.cells for line in lines[skipped : row - 1]):
        notes.append(f"headers in row {row}; what stands above is left out")
    return replace(layout, notes=tuple(notes))


def _find_line_end(head: bytes) -> bytes:
    outside = QUOTE.join(head.split(QUOTE)[::2])
    first = re.search(rb"\r?\n|\r", outside)
    return b"\r" if first and first[0] == b"\r" else b"\n"


def _asked_separator(asked: str | None) -> bytes | None:
    if asked is None:
        return None
    named = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "bar": "|", "space": " "}
    separator = named.get(asked.strip().lower(), asked).encode()
    if len(separator) != 1 or separator in b'"\r\n\x00':
        raise UsageError(f"--delimiter {asked!r} is not one plain character.", "Use for instance , or ; or | or tab.")
    return separator


def _sep_line(head: bytes, line_end: bytes) -> bytes | None:
    """The separator that a first line `sep=;` names, as Excel understands it."""
    found = _SEP_LINE.match(head[: head.find(line_end) + 1 or 8])
    return found[1] if found else None


def _guess_dialect(head: bytes, dialect: Dialect, *, final: bool) -> Dialect:
    """The separator that gives the most records of one width; a comma where no separator gives any."""
    best, best_score = dialect, 0.0
    for separator in _SEPARATORS:
        candidate = replace(dialect, separator=separator)
        if separator not in head:
            continue
        score = _score(list(islice(find_records(head, candidate, final=final), _SAMPLE_RECORDS)))
        if score > best_score:
            best, best_score = candidate, score
    return best


def _score(lines: Sequence[Found]) -> float:
    widths = Counter(len(line.cells) if line.cells else 0 for line in lines if line.cells != [])
    width, times = max(widths.items(), key=lambda item: (item[0] > 1) * item[1], default=(0, 0))
    if width <= 1:
        return 0.0
    share = times / widths.total()
    return share * share * min(width, 30)


def _find_header_row(path: Path, lines: Sequence[Found], skipped: int, wanted: frozenset[str]) -> int:
    """The number of the first line with something in it, unless that is clearly a title above the headers."""
    # A line of separators alone is as blank as a blank one.
    numbered = [
        (number, line)
        for number, line in enumerate(lines, 1)
        if number > skipped and (line.cells is None or any(cell.strip() for cell in line.cells))
    ]
    if not numbered:
        return 1
    if wanted:
        for number, line in numbered[:50]:
            if wanted <= {header_text(cell.decode(errors="replace")) for cell in line.cells or []}:
                return number
    first, line = numbered[0]
    widths = Counter(len(line.cells) for _, line in numbered if line.cells)
    width = widths.most_common(1)[0][0] if widths else 0
    filled = sum(1 for cell in line.cells or [] if cell.strip())
    if width >= _FEW and filled <= 1 and line.cells is not None:
        better = next((number for number, line in numbered[1:50] if _looks_like_headers(line, width)), None)
        if better is not None:
            raise UsageError(
                f"{path}: row {first} looks like a title, and row {better} like the headers.",
                f"Say so with --header-row {better} (or --header-row {first}).",
            )
    return first


def _looks_like_headers(line: Found, width: int) -> bool:
    cells = [cell.strip() for cell in line.cells or []]
    return len(cells) == width and all(cells) and len(set(cells)) == width


def _read_header(path: Path, head: bytes, dialect: Dialect, lines: Sequence[Found], row: int) -> Layout:
    if row > len(lines):
        raise UsageError(
            f"{path} has no row {row} for the headers near its beginning.",
            "Put the headers into the first row, or say with --header-row where they are.",
        )
    line = lines[row - 1]
    if line.cells is None:
        raise UsageError(
            f"{path}, row {row}: a quote in the headers is not closed, or stands where none may.",
            "Mend the quotes in that row, or say with --header-row which row holds the headers.",
        )
    try:
        names = [header_text(cell.decode()) for cell in line.cells]
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}, row {row}: the headers are no text in the encoding of the file.",
            "Save the file as CSV UTF-8, or name its encoding with --encoding.",
        ) from error
    named = len(names)
    while named and not names[named - 1]:
        named -= 1
    unnamed = len(names) - named
    if not unnamed:
        unnamed = _trailing(lines[row:], named)
    if not named:
        raise UsageError(f"{path}, row {row} holds no headers.", "Say with --header-row which row holds them.")
    check_headers(names[:named], path, f"row {row}")
    return Layout(
        dialect=dialect, names=tuple(names[:named]), unnamed=unnamed, preface=head[: line.next], header_row=row
    )


def _trailing(lines: Sequence[Found], named: int) -> int:
    """How many empty cells most records have behind the last header (`1,2,3,`)."""
    widths = Counter(len(line.cells) for line in lines if line.cells and not any(line.cells[named:]))
    return max(widths.most_common(1)[0][0] - named, 0) if widths else 0
