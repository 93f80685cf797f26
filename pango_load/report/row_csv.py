"""Row files as CSV: the source's own delimiter and encoding, quoted only where it must be."""

from __future__ import annotations

import codecs
import re
from typing import IO, TYPE_CHECKING

import polars as pl

from pango_load.report.private_files import create_private, write_whole
from pango_load.report.row_files import MarkedRow, RowFile, RowFileName

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_FALLBACK = "utf-8-sig"
_FORMULA_BEGINS = tuple("=+-@\t\r")
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

    def append(self, rows: Sequence[MarkedRow], cells: pl.DataFrame) -> None:
        """Write rows as lines."""
        names = [*self.headers, *self.marks]
        header = "" if self._file else csv_lines(pl.DataFrame([names], names, orient="row"), self.delimiter)
        marks: Iterable[Sequence[str]] = zip(*(row.marks() for row in rows), strict=True)
        if _UTF.fullmatch(self.encoding) is None:
            marks = [list(map(self._writable, texts)) for texts in marks]
        ours = pl.DataFrame(
            [pl.Series(name, list(map(_safe, texts)), pl.String) for name, texts in zip(self.marks, marks, strict=True)]
        )
        self._write(header + csv_lines(cells.hstack(ours), self.delimiter))

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


def csv_lines(cells: pl.DataFrame, delimiter: str) -> str:
    r"""Records with their line ends (`\n`): quoted are cells with the delimiter, a quote or a line break.

    Args:
        cells: String columns, null where a cell is empty: an empty text would be written as two quotes.
        delimiter: one byte.
    """
    return cells.write_csv(include_header=False, separator=delimiter)


def _safe(mark: str) -> str | None:
    """Never a formula for a spreadsheet; None where there is nothing."""
    return f"'{mark}" if mark.startswith(_FORMULA_BEGINS) else mark or None


def _known_encoding(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return _FALLBACK


def _starts_without_mark(encoding: str) -> bool:
    """UTF-16 and UTF-32 of a named byte order: their files begin with a mark, and Python's encoders write none."""
    return encoding in {"utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"}
