"""Row files as CSV: the source's own delimiter and encoding, quoted only where it must be."""

from __future__ import annotations

import codecs
import re
from typing import IO, TYPE_CHECKING

from pango_load.report.private_files import create_private, write_whole
from pango_load.report.row_files import MarkedRow, RowFile, RowFileName

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_FALLBACK = "utf-8-sig"
_FORMULA = frozenset("=+-@\t\r")
_UTF = re.compile(r"utf[-_]?(8|16|32).*")


class CsvRowFile(RowFile):
    """Rows as CSV lines.

    Our own columns can never be taken for a formula by a spreadsheet: one that begins like a formula gets an
    apostrophe. The source's cells are never changed.
    """

    suffix = ".csv"

    def __init__(
        self,
        folder: Path,
        name: RowFileName,
        headers: Sequence[str],
        *,
        delimiter: str,
        encoding: str,
        files: Sequence[str] = (),
    ) -> None:
        super().__init__(folder, name, headers, files)
        self.delimiter = delimiter
        self.encoding = _known_encoding(encoding)
        self._encoder = codecs.getincrementalencoder(self.encoding)()
        self._file: IO[bytes] | None = None
        self._part: Path | None = None

    def append(self, rows: Sequence[MarkedRow]) -> None:
        """Write `rows` as lines."""
        lines = [] if self._file else [csv_line((*self.headers, *self.marks), self.delimiter)]
        delimiter, is_utf = self.delimiter, _UTF.fullmatch(self.encoding) is not None
        for row in rows:
            marks = [safe_from_formulas(mark) for mark in row.marks()]
            if not is_utf:
                marks = [self._writable(mark) for mark in marks]
            # Apart, since our sentences hold quotes and most cells do not.
            ours = delimiter.join([_quoted(mark) if _needs_quotes(mark, delimiter) else mark for mark in marks])
            cells = _joined([cell or "" for cell in row.cells], delimiter)
            lines.append(f"{cells}{delimiter}{ours}\n" if row.cells else f"{ours}\n")
        self._write("".join(lines))

    def finish(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
            self._file = None

    def _write(self, text: str) -> None:
        if self._file is None and _starts_without_mark(self.encoding):
            text = f"\ufeff{text}"
        try:
            content = self._encoder.encode(text)
        except UnicodeEncodeError:
            self._turn_to_utf8()
            content = self._encoder.encode(text)
        if self._file is None:
            self._part = self.new_part(f"{self.name}{self.suffix}")
            self._file = create_private(self._part)
        write_whole(self._file, content)

    def _turn_to_utf8(self) -> None:
        """A cell does not fit into the source's encoding: what is written already is written anew in UTF-8."""
        older, self.encoding = self.encoding, _FALLBACK
        self._encoder = codecs.getincrementalencoder(_FALLBACK)()
        if self._file is None or self._part is None:
            return
        self._file.close()
        path = self._part
        with path.open(encoding=older, newline="") as written, create_private(path) as anew:
            while part := written.read(1 << 20):
                write_whole(anew, self._encoder.encode(part))
        self._file = path.open("ab", buffering=0)

    def _writable(self, mark: str) -> str:
        """Our own words must not be what forces another encoding upon the file."""
        if mark.isascii():
            return mark
        return mark.encode(self.encoding, "replace").decode(self.encoding)


def csv_line(cells: Iterable[str], delimiter: str) -> str:
    r"""One record with its line end (`\n`): quoted are cells with the delimiter, a quote or a line break."""
    return _joined(list(cells), delimiter) + "\n"


def _joined(cells: Sequence[str], delimiter: str) -> str:
    line = delimiter.join(cells)
    # Most lines need no quotes at all, and looking at them whole is much cheaper than cell by cell.
    if '"' in line or "\n" in line or "\r" in line or line.count(delimiter) != len(cells) - 1:
        line = delimiter.join([_quoted(cell) if _needs_quotes(cell, delimiter) else cell for cell in cells])
    return line


def _needs_quotes(cell: str, delimiter: str) -> bool:
    return '"' in cell or "\n" in cell or "\r" in cell or delimiter in cell


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def safe_from_formulas(mark: str) -> str:
    """`mark` with an apostrophe before it where a spreadsheet would calculate it."""
    return f"'{mark}" if mark[:1] in _FORMULA else mark


def _known_encoding(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return _FALLBACK


def _starts_without_mark(encoding: str) -> bool:
    """UTF-16 and UTF-32 of a named byte order: their files begin with a mark, and Python's encoders write none."""
    return encoding in {"utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"}
