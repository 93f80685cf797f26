"""A sheet in flat memory (`--low-memory`): row by row through openpyxl, several times slower than the fast engine."""

from __future__ import annotations

import datetime as dt
import warnings
import zipfile
import zlib
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

import openpyxl
import polars as pl
from openpyxl.utils.exceptions import InvalidFileException

from pango_load.errors import UsageError
from pango_load.records import Chunk, Damage
from pango_load.source.fingerprint import fingerprint_file
from pango_load.source.formats import CODE_COLUMN, SourceFile, SourceFormat, check_headers, still_damaged, without_marks
from pango_load.source.sheets import describe_failures, pick_sheet, sheet_notes
from pango_load.source.workbook import SheetFacts, column_letters, read_facts, sheet_part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pango_load.plan import SourceOptions
    from pango_load.source.fingerprint import Fingerprint

CHUNK_ROWS = 4096
_BROKEN = (
    InvalidFileException,
    zipfile.BadZipFile,
    ParseError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    OSError,
    EOFError,
    zlib.error,
)
_DIGITS = 15


class SheetStream:
    """Reads one sheet of an .xlsx file row by row; see `FileReader`.

    Args:
        path: the workbook.
        options: `sheet`, `header_row` and `visible_only` are looked at.
        wanted: where it is known which columns are needed, error cells in others spoil no row.

    Raises:
        UsageError: no such workbook or sheet, no headers.
    """

    unseen_keys: frozenset[str] = frozenset()

    def __init__(self, path: Path, options: SourceOptions, *, wanted: frozenset[str] = frozenset()) -> None:
        self.fingerprint: Fingerprint | None = None
        self._path = path
        self._wanted = wanted
        names = self._sheet_names()
        self._sheet = pick_sheet(path, names, options.sheet)
        self._facts = self._read_facts()
        self._header_row, self._names = self._find_headers(options.header_row)
        self.headers = without_marks(list(self._names.values()))
        self._hidden = frozenset(self._facts.hidden_rows) if options.visible_only else frozenset[int]()
        self.file = SourceFile(
            path=path,
            format=SourceFormat.XLSX,
            sheet=self._sheet,
            header_row=self._header_row,
            notes=(
                *sheet_notes(self._sheet, len(names) - 1, self._facts, visible_only=options.visible_only),
                "read row by row in little memory",
            ),
        )

    def with_headers(self, extra: Sequence[str]) -> SheetStream:
        """Itself: the headers stand in the sheet."""
        del extra
        return self

    def read(self, *, first: int, file: int, expected: Fingerprint | None) -> Iterator[Chunk]:
        """Every record; the whole file is verified before the first of them is handed out."""
        self.fingerprint = fingerprint_file(self._path, expected or self.fingerprint)
        failed: dict[int, dict[int, str]] = {}
        for (row, column), what in self._facts.failed.items():
            if self._counts(column):
                failed.setdefault(row, {})[column] = what
        records: list[list[str | None]] = []
        rows: list[int] = []
        damaged: dict[int, Damage] = {}
        for number, cells in self._rows():
            if number <= self._header_row or number in self._hidden or not (any(cells) or number in failed):
                continue
            judged = self._judge(number, cells, failed.get(number))
            if isinstance(judged, Damage):
                damaged[len(records)] = judged
            records.append([None] * len(self.headers) if isinstance(judged, Damage) else judged)
            rows.append(number)
            if len(records) == CHUNK_ROWS:
                yield self._chunk(records, rows, damaged, first=first, file=file)
                first += len(records)
                records, rows, damaged = [], [], {}
        if records:
            yield self._chunk(records, rows, damaged, first=first, file=file)

    def _chunk(
        self,
        records: Sequence[Sequence[str | None]],
        rows: list[int],
        damaged: dict[int, Damage],
        *,
        first: int,
        file: int,
    ) -> Chunk:
        frame = pl.DataFrame(records, schema=dict.fromkeys(self.headers, pl.String), orient="row")
        return Chunk(frame=frame, first=first, rows=pl.Series(rows, dtype=pl.Int64), file=file, damaged=damaged)

    def _counts(self, column: int) -> bool:
        name = self._names.get(column)
        return name in self.headers and (not self._wanted or name in self._wanted)

    def _judge(self, row: int, cells: Sequence[str | None], failed: dict[int, str] | None) -> list[str | None] | Damage:
        texts = dict(enumerate(cells, 1))
        if failed:
            raw = "\t".join((failed | {}).get(column) or texts.get(column) or "" for column in self._names)
            return describe_failures({f"{column_letters(column)}{row}": what for column, what in failed.items()}, raw)
        stray = [column for column, text in texts.items() if text and column not in self._names]
        if stray:
            raw = "\t".join(text or "" for text in cells)[:4096]
            count = len(self._names)
            return Damage(
                code="source.too-many-cells",
                raw=raw,
                expected=f"{count} cells",
                found=f"a cell in column {column_letters(stray[0])}, which has no header",
            )
        by_name = {name: texts.get(column) for column, name in self._names.items()}
        own = [by_name[name] for name in self.headers]
        return own if any(own) else still_damaged(by_name.get(CODE_COLUMN), self.headers) or own

    def _rows(self) -> Iterator[tuple[int, list[str | None]]]:
        """(Row number, its cells from column A on) of every row that stands in the file."""
        with self._told(), self._open() as book:
            sheet = book[self._sheet]
            sheet.reset_dimensions()
            for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
                yield number, [cell_text(value) for value in cells]

    def _find_headers(self, asked: int | None) -> tuple[int, dict[int, str]]:
        place = f'sheet "{self._sheet}"'
        for number, cells in self._rows():
            if number != asked if asked else not any(cells):
                continue
            names = {column: (text or "").strip() for column, text in enumerate(cells, 1)}
            named = {column: name for column, name in names.items() if name}
            check_headers(list(named.values()), self._path, f"{place}, row {number}")
            return number, named
        raise UsageError(
            f"{self._path}, {place} holds no headers.", "Put them into the first row, or name another --sheet."
        )

    def _sheet_names(self) -> list[str]:
        with self._told(), self._open() as book:
            return list(book.sheetnames)

    def _open(self) -> closing[openpyxl.Workbook]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return closing(openpyxl.load_workbook(self._path, read_only=True, data_only=True))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What openpyxl raises for a damaged workbook, in our words."""
        try:
            yield
        except _BROKEN as error:
            raise UsageError(
                f"{self._path} cannot be opened row by row: it is damaged, or no .xlsx file.",
                "Load it without --low-memory, or save it again as .xlsx.",
            ) from error

    def _read_facts(self) -> SheetFacts:
        with self._told(), zipfile.ZipFile(self._path) as book:
            part = sheet_part(book, self._sheet)
            return read_facts(book, part) if part else SheetFacts(was_scanned=False)


def cell_text(value: object) -> str | None:
    """The text of a cell, as the fast engine gives it."""
    match value:
        case None | "":
            text = None
        case bool():
            text = "true" if value else "false"
        case float() if value == int(value) and abs(value) < 10**_DIGITS:
            text = str(int(value))
        case float():
            text = format(Decimal(f"{value:.{_DIGITS}g}"), "f")
        case dt.datetime():
            text = value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")
        case dt.date():
            text = f"{value.isoformat()}T00:00:00"
        case dt.time():
            text = value.isoformat(timespec="seconds")
        case _:
            text = str(value)
    return text
