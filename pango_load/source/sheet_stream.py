"""A sheet that is read row by row: .xls and .ods, which the fast engine tells too little of, and .xlsx on request."""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

import polars as pl
from openpyxl.utils.exceptions import InvalidFileException
from xlrd.biffh import XLRDError
from xlrd.compdoc import CompDocError

from pango_load.errors import UsageError
from pango_load.records import Chunk, Damage
from pango_load.source.fingerprint import fingerprint_file
from pango_load.source.formats import (
    CODE_COLUMN,
    SourceFile,
    SourceFormat,
    check_headers,
    header_text,
    shown_headers,
    still_damaged,
)
from pango_load.source.number_formats import with_zeros
from pango_load.source.packing import BROKEN_ARCHIVE
from pango_load.source.sheet_headers import LOOKED_AT, pick_header_row, pick_sheet
from pango_load.source.sheet_notes import passed_note, rounded_numbers, sheet_notes
from pango_load.source.sheets import describe_failures
from pango_load.source.tables import asked_table, leading_table, table_notes
from pango_load.source.workbook import column_letters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pango_load.plan import SourceOptions
    from pango_load.source.fingerprint import Fingerprint
    from pango_load.source.row_books import Row, RowBook
    from pango_load.source.tables import Table

CHUNK_ROWS = 4096
_BROKEN = (
    *BROKEN_ARCHIVE,
    InvalidFileException,
    XLRDError,
    CompDocError,
    ParseError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    MemoryError,
)
"""What openpyxl, xlrd and the XML parser raise for a damaged workbook."""


class SheetStream:
    """Reads one sheet row by row; see `FileReader`.

    Args:
        path: the workbook.
        make: opens it.
        options: `sheet`, `header_row` and `visible_only` are looked at.
        wanted: where it is known which columns are needed, error cells in others spoil no row.

    Raises:
        UsageError: no such workbook or sheet, no headers.
    """

    unseen_keys: frozenset[str] = frozenset()

    def __init__(
        self,
        path: Path,
        make: Callable[[Path], RowBook],
        options: SourceOptions,
        *,
        wanted: frozenset[str] = frozenset(),
    ) -> None:
        self.fingerprint: Fingerprint | None = fingerprint_file(path)
        self._path = path
        self._wanted = wanted
        with self._told():
            self._book = make(path)
        tables, names = self._book.tables, self._book.names
        asked = asked_table(tables, names, options.sheet)
        visible = self._book.visible
        self._sheet = asked.sheet if asked else pick_sheet(path, names, options.sheet, tables=tables, visible=visible)
        with self._told():
            self._facts = self._book.facts(self._sheet)
        self._hidden_columns = frozenset(self._facts.hidden_columns if options.visible_only else ())
        self._table: Table | None = asked
        self._is_alone = asked is not None
        self._header_row, self._names = self._find_headers(options.header_row)
        self.headers = shown_headers(list(self._names.values()), marks=options.marks)
        by_name = {name: column for column, name in self._names.items()}
        self._own = tuple(by_name[name] for name in self.headers)
        self._nameless = lru_cache(_nameless_columns(frozenset(self._names)))
        self._hidden = frozenset(self._facts.hidden_rows if options.visible_only else ())
        others = [table for table in tables if table.sheet == self._sheet and table is not self._table]
        self.file = SourceFile(
            path=path,
            format=SourceFormat.XLSX,
            sheet=self._sheet,
            header_row=self._header_row,
            notes=(
                *sheet_notes(
                    self._sheet, len(names) - 1, self._facts, columns=self._names, visible_only=options.visible_only
                ),
                *passed_note(names[0] if options.sheet is None and self._sheet != names[0] else ""),
                *table_notes(self._table, is_asked=self._is_alone, others=() if self._is_alone else others),
                *((self._book.note,) if self._book.note else ()),
            ),
            rounded=rounded_numbers(self._facts, self._names, after=self._header_row),
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
            if not self._is_record(number) or not (any(cells) or number in failed):
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
        if failed:
            raw = "\t".join(failed.get(column) or _cell(cells, column) or "" for column in self._names)
            return describe_failures({f"{column_letters(column)}{row}": what for column, what in failed.items()}, raw)
        stray = [column for column in self._nameless(len(cells)) if cells[column - 1]]
        if stray:
            raw = "\t".join(text or "" for text in cells)[:4096]
            count = len(self._names)
            return Damage(
                code="source.too-many-cells",
                raw=raw,
                expected=f"{count} cells",
                found=f"a cell in column {column_letters(stray[0])}, which has no header",
            )
        width = len(cells)
        own = [cells[column - 1] if column <= width else None for column in self._own]
        if any(own):
            return own
        code = next((column for column, name in self._names.items() if name == CODE_COLUMN), 0)
        return still_damaged(_cell(cells, code), self.headers) or own

    def _is_record(self, number: int) -> bool:
        """Whether a row may be a record, if it holds anything."""
        table = self._table
        if number <= self._header_row or number in self._hidden or (table is not None and number == table.totals):
            return False
        return table is None or not self._is_alone or number <= table.last_row

    def _rows(self) -> Iterator[Row]:
        """(Row number, its cells from column A on) of every row that stands in the file."""
        zeros = self._facts.zeros
        padded = zeros.columns
        with self._told():
            for number, cells in self._book.rows(self._sheet):
                for column in padded:
                    if column <= len(cells):
                        cells[column - 1] = with_zeros(cells[column - 1], zeros.width(number, column))
                yield (
                    number,
                    [None if self._is_outside(column) else cell for column, cell in enumerate(cells, 1)]
                    if self._hidden_columns or self._is_alone
                    else cells,
                )

    def _is_outside(self, column: int) -> bool:
        table = self._table if self._is_alone else None
        is_beside = table is not None and not table.first_column <= column <= table.last_column
        return is_beside or column in self._hidden_columns

    def _find_headers(self, asked: int | None) -> tuple[int, dict[int, str]]:
        """The header row's number, and column -> header."""
        place = f'{self._path}, sheet "{self._sheet}"'
        if asked is None and self._table is not None:
            asked = self._table.first_row
        rows: Iterator[tuple[int, list[str]]] = (
            (number, [header_text(cell or "") for cell in cells]) for number, cells in self._rows()
        )
        if asked is None:
            first = list(islice((row for row in rows if any(row[1])), LOOKED_AT))
            self._table = leading_table(self._book.tables, self._sheet, first)
            if self._table is not None:
                asked = self._table.first_row
            elif first:
                asked = pick_header_row(place, first, self._wanted)
            rows = iter(first)
        for number, cells in rows:
            if number == asked:
                named = {column: name for column, name in enumerate(cells, 1) if name}
                check_headers(list(named.values()), self._path, f'sheet "{self._sheet}", row {number}')
                return number, named
        raise UsageError(f"{place} holds no headers.", "Put them into the first row, or name another --sheet.")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What is raised for a damaged workbook, in our words."""
        try:
            yield
        except _BROKEN as error:
            raise UsageError(
                f"{self._path} cannot be opened as a workbook: it is damaged, or something else under that name.",
                "Open it in Excel and save it again as .xlsx, or export it as CSV UTF-8.",
            ) from error


def _cell(cells: Sequence[str | None], column: int) -> str | None:
    """The cell in a column, 1 for A; None where the row is shorter."""
    return cells[column - 1] if 0 < column <= len(cells) else None


def _nameless_columns(named: frozenset[int]) -> Callable[[int], tuple[int, ...]]:
    """For a row of so many cells, the columns that have no header."""
    return lambda width: tuple(column for column in range(1, width + 1) if column not in named)
