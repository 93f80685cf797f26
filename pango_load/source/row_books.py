"""Workbooks that are read row by row; here .xlsx through openpyxl, in flat memory (`--low-memory`)."""

from __future__ import annotations

import datetime as dt
import re
import warnings
import zipfile
from contextlib import contextmanager
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Protocol

from openpyxl.reader.excel import ExcelReader
from openpyxl.xml.constants import SHARED_STRINGS

from pango_load.source.shared_texts import SharedTexts
from pango_load.source.tables import Table, find_tables
from pango_load.source.workbook import SheetFacts, read_facts, sheet_part, visible_sheets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openpyxl import Workbook

DIGITS = 15
"""What a spreadsheet keeps of a number."""

_SPELLED = re.compile(r"_x([0-9A-Fa-f]{4})_")

Row = tuple[int, list[str | None]]
"""A row's number, and its cells from column A on."""


class RowBook(Protocol):
    """A workbook that gives its rows one after the other; any of them may raise what a damaged file makes it raise.

    Attributes:
        names: its sheets, in order.
        visible: those with cells that a person sees; empty where that is not known.
        tables: its named tables.
        note: what a person should know of this way of reading; empty where there is nothing.
    """

    names: tuple[str, ...]
    visible: tuple[str, ...]
    tables: tuple[Table, ...]
    note: str

    def rows(self, sheet: str) -> Iterator[Row]:
        """Rows from the top; those without any cell may be left out."""
        ...

    def facts(self, sheet: str) -> SheetFacts:
        """What else there is to know of a sheet."""
        ...


class XlsxRows:
    """An .xlsx file, several times slower than through the fast engine.

    Args:
        path: the workbook.
        note: why it is read so.
    """

    def __init__(self, path: Path, note: str = "read row by row in little memory") -> None:
        self.note = note
        self._path = path
        self._texts: SharedTexts | None = None
        with self._open() as book:
            self.names = tuple(book.sheetnames)
        with zipfile.ZipFile(path) as archive:
            self.tables, self.visible = find_tables(archive), visible_sheets(archive)

    def rows(self, sheet: str) -> Iterator[Row]:
        """See `RowBook`."""
        with self._open() as book:
            opened = book[sheet]
            opened.reset_dimensions()
            for number, cells in enumerate(opened.iter_rows(values_only=True), 1):
                yield number, [cell_text(value) for value in cells]

    def facts(self, sheet: str) -> SheetFacts:
        """See `RowBook`."""
        with zipfile.ZipFile(self._path) as archive:
            part = sheet_part(archive, sheet)
            return read_facts(archive, part, long_numbers=True) if part else SheetFacts(was_scanned=False)

    @contextmanager
    def _open(self) -> Iterator[Workbook]:
        # A workbook that cannot be opened leaves its file open, unless it is ours.
        with self._path.open("rb") as stream:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                reader = _Reader(stream, self._texts)
                reader.read()
            self._texts = reader.texts
            try:
                yield reader.wb
            finally:
                reader.wb.close()


class _Reader(ExcelReader):
    """Opens a workbook whose shared texts are read once, and not kept in memory.

    openpyxl reads them anew whenever a workbook is opened, which takes longer than all its cells.
    """

    def __init__(self, stream: IO[bytes], texts: SharedTexts | None) -> None:
        super().__init__(stream, read_only=True, data_only=True)
        self.texts = texts

    def read_strings(self) -> None:
        part = self.package.find(SHARED_STRINGS)  # type: ignore[no-untyped-call] # the stubs lack it
        if part is None:
            return
        if self.texts is None:
            with self.archive.open(part.PartName[1:]) as stream:
                self.texts = SharedTexts(stream)
        self.shared_strings = self.texts  # type: ignore[assignment] # they are only asked for by their number


def cell_text(value: object) -> str | None:
    """The text of a cell, as the fast engine gives it."""
    match value:
        case None | "":
            text = None
        case str():
            # A workbook spells letters that XML has no room for: a carriage return is _x000D_.
            text = _SPELLED.sub(lambda found: chr(int(found[1], 16)), value) if "_x" in value else value
        case bool():
            text = "true" if value else "false"
        case float():
            text = number_text(value)
        case dt.datetime():
            text = value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")
        case dt.date():
            text = f"{value.isoformat()}T00:00:00"
        case dt.time():
            text = value.isoformat(timespec="seconds")
        case dt.timedelta():
            text = clock_text(value.total_seconds())
        case _:
            text = str(value)
    return text


def number_text(value: float) -> str:
    """A number as a person writes it: no `.0`, no exponent, 15 digits at most."""
    if value == int(value) and abs(value) < 10**DIGITS:
        return str(int(value))
    return format(Decimal(f"{value:.{DIGITS}g}"), "f")


def clock_text(seconds: float) -> str:
    """A time of day or a length of time: `12:30:00`, `36:00:00`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest:02d}"
