"""A sheet of a workbook becomes chunks, its rows numbered as Excel shows them."""

from __future__ import annotations

import logging
import warnings
import zipfile
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import fastexcel
import polars as pl

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
from pango_load.source.free_memory import give_back_memory
from pango_load.source.packing import BROKEN_ARCHIVE
from pango_load.source.sheet_headers import LOOKED_AT, pick_header_row, pick_sheet
from pango_load.source.sheet_notes import memory_note, passed_note, rounded_numbers, sheet_notes
from pango_load.source.tables import Table, asked_table, find_tables, leading_table, table_notes
from pango_load.source.workbook import NO_VALUE, SheetFacts, column_letters, read_facts, sheet_part, visible_sheets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pango_load.plan import SourceOptions
    from pango_load.source.fingerprint import Fingerprint

# The engine wonders about charts and the like on the terminal.
logging.getLogger("calamine").setLevel(logging.ERROR)

# What is asked of a chunk costs the same for few rows as for many; in 22 columns, these are some 36,000 rows.
_CHUNK_CELLS = 3 << 18
_CHUNK_ROWS = (1024, 65_536)
_RAW_CHARACTERS = 4096
_DATE = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
_LONG_NUMBER = r"^-?\d{16,}$"
_ODD = rf"{_DATE}|{_LONG_NUMBER}"
_SHORTEST_ODD = 16
_TIME_ONLY = "1899-12-31 "


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """A sheet as the engine gives it: every row from row 1, every cell as text.

    Attributes:
        frame: columns named by their position, "0" for the first one that is used.
        first_column: its number, 1 for column A.
        name, others: the sheet, and how many more there are.
        passed: the first sheet, where it is passed over since nobody sees it.
        tables: the named tables of the workbook.
        asked: the table that was asked for by its name.
    """

    frame: pl.DataFrame
    first_column: int
    name: str
    others: int
    passed: str
    facts: SheetFacts
    tables: tuple[Table, ...] = ()
    asked: Table | None = None

    def number(self, index: int) -> int:
        """The number of the column at `index`, 1 for A."""
        return index + self.first_column


class SheetReader:
    """Reads one sheet; see `FileReader`. The sheet is held in memory from the first look to the last pass.

    Args:
        path: the workbook.
        options: `sheet`, `header_row` and `visible_only` are looked at.
        wanted: where it is known which columns are needed, error cells in others spoil no row.

    Raises:
        UsageError: no workbook, no such sheet, no headers.
    """

    unseen_keys: frozenset[str] = frozenset()

    def __init__(self, path: Path, options: SourceOptions, *, wanted: frozenset[str] = frozenset()) -> None:
        self._path = path
        self._wanted = wanted
        self._visible_only = options.visible_only
        # Taken before the engine reads the file: what is written to it meanwhile is noticed by the first pass.
        self.fingerprint: Fingerprint | None = fingerprint_file(path)
        sheet = _load(path, options.sheet)
        if self._visible_only:
            sheet = _without_hidden_columns(sheet)
        header_row, names, table = _find_headers(path, sheet, options.header_row, wanted)
        self._header_row = header_row
        self._names = names
        self._table = table
        self.headers = shown_headers([name for _, name in names], marks=options.marks)
        self._sheet = sheet
        by_number = {sheet.number(index): name for index, name in names}
        others = [one for one in sheet.tables if one.sheet == sheet.name and one is not table]
        self.file = SourceFile(
            path=path,
            format=SourceFormat.XLSX,
            sheet=sheet.name,
            header_row=header_row,
            notes=(
                *sheet_notes(sheet.name, sheet.others, sheet.facts, columns=by_number, visible_only=self._visible_only),
                *passed_note(sheet.passed),
                *table_notes(table, is_asked=sheet.asked is not None, others=() if sheet.asked else others),
                *memory_note(path.stat().st_size),
            ),
            rounded=rounded_numbers(sheet.facts, by_number, after=header_row),
        )
        self._records = self._find_records()
        give_back_memory()

    def with_headers(self, extra: Sequence[str]) -> SheetReader:
        """Itself: the headers stand in the sheet."""
        del extra
        return self

    def read(self, *, first: int, file: int, expected: Fingerprint | None) -> Iterator[Chunk]:
        """Every record; the whole file is verified before the first of them is handed out."""
        self.fingerprint = fingerprint_file(self._path, expected or self.fingerprint)
        failed = self._failed_by_row()
        has_code = CODE_COLUMN in self._records.columns and CODE_COLUMN not in self.headers
        least, most = _CHUNK_ROWS
        size = min(max(_CHUNK_CELLS // len(self._names), least), most)
        for start in range(0, self._records.height, size):
            part = self._records.slice(start, size)
            rows = part.get_column("\x00row")
            frame = part.select(self.headers)
            spoiled = rows.is_in(list(failed)).arg_true() if failed else ()
            damaged = {index: self._damage(rows[index], failed[rows[index]], part.row(index)[1:]) for index in spoiled}
            if has_code:
                damaged |= _still_damaged(part, self.headers)
            if damaged:
                is_damaged = pl.int_range(frame.height).is_in(list(damaged))
                frame = frame.with_columns(pl.when(~is_damaged).then(pl.all()))
            yield Chunk(frame=frame, first=first + start, rows=rows, file=file, damaged=damaged)

    def _find_records(self) -> pl.DataFrame:
        """Every row below the headers that holds something, its number in the first column."""
        sheet = self._sheet
        columns = [pl.col(str(index)).alias(name) for index, name in self._names]
        frame = sheet.frame.select(pl.int_range(1, sheet.frame.height + 1).alias("\x00row"), *columns).slice(
            self._header_row
        )
        failed = pl.Series(list(self._failed_by_row()), dtype=pl.Int64)
        holds = ~pl.all_horizontal(pl.exclude("\x00row").is_null()) | pl.col("\x00row").is_in(failed.implode())
        frame = frame.filter(holds)
        table = self._table
        if table is not None and table.total_row:
            frame = frame.filter(pl.col("\x00row") != table.totals)
        if table is not None and table is sheet.asked:
            frame = frame.filter(pl.col("\x00row") <= table.last_row)
        if self._visible_only:
            hidden = pl.Series(sheet.facts.hidden_rows, dtype=pl.Int64)
            frame = frame.filter(~pl.col("\x00row").is_in(hidden.implode()))
        return frame

    def _failed_by_row(self) -> dict[int, dict[int, str]]:
        """Row -> index of the column in the frame -> what stands there, where it counts."""
        by_row: dict[int, dict[int, str]] = {}
        counts = {
            index for index, name in self._names if name in self.headers and (not self._wanted or name in self._wanted)
        }
        for (row, column), what in self._sheet.facts.failed.items():
            index = column - self._sheet.first_column
            if row > self._header_row and index in counts:
                by_row.setdefault(row, {})[index] = what
        return by_row

    def _damage(self, row: int, failed: dict[int, str], cells: Sequence[str | None]) -> Damage:
        texts = [failed.get(index) or cell or "" for (index, _), cell in zip(self._names, cells, strict=True)]
        places = {f"{column_letters(self._sheet.number(index))}{row}": what for index, what in failed.items()}
        return describe_failures(places, "\t".join(texts))


def describe_failures(places: Mapping[str, str], raw: str) -> Damage:
    """The damage of a row with cells that have no value: place (`B7`) -> what stands there."""
    raw = raw[:_RAW_CHARACTERS]
    if set(places.values()) == {NO_VALUE}:
        return Damage(code="source.no-value", raw=raw, expected="a value", found=f" in {', '.join(places)}")
    found = ", ".join(f"{what} in {place}" for place, what in places.items())
    return Damage(code="source.error-cell", raw=raw, expected="a value", found=found)


def _still_damaged(part: pl.DataFrame, headers: Sequence[str]) -> dict[int, Damage]:
    """Records that come back from a row file as damaged as they were."""
    empty = part.select(pl.all_horizontal(pl.col(headers).is_null())).to_series()
    codes = part.get_column(CODE_COLUMN)
    found = ((index, still_damaged(codes[index], headers)) for index in empty.arg_true())
    return {index: damage for index, damage in found if damage is not None}


def _load(path: Path, wanted: str | None) -> _Sheet:
    try:
        book = _open(path)
        tables, visible = _look_inside(path)
        names = book.sheet_names
        asked = asked_table(tables, names, wanted)
        name = asked.sheet if asked else pick_sheet(path, names, wanted, tables=tables, visible=visible)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame, first_column = _cells(book, name)
            longest = frame.select(pl.all().str.len_bytes().max()).row(0, named=True)
            long = [name for name, size in longest.items() if (size or 0) >= _SHORTEST_ODD]
            odd = [name for name in long if frame.get_column(name).str.contains(_ODD).any()]
            has_long = any(frame.get_column(name).str.contains(_LONG_NUMBER).any() for name in odd)
            facts = _read_facts(path, name, long_numbers=has_long)
            dates = [name for name in odd if frame.get_column(name).str.contains(_DATE).any()]
            real = _real_dates(book, name, dates, first_column) if facts.has_date_text and dates else None
    except (fastexcel.FastExcelError, *BROKEN_ARCHIVE) as error:
        raise UsageError(
            f"{path} cannot be opened as a workbook: it is damaged, or something else under that name.",
            "Open it in Excel and save it again as .xlsx, or export it as CSV UTF-8.",
        ) from error
    return _Sheet(
        frame=_with_zeros(_mark_dates(frame, dates, real), facts, first_column),
        first_column=first_column,
        name=name,
        others=len(names) - 1,
        passed=names[0] if wanted is None and name != names[0] else "",
        facts=facts,
        tables=tables,
        asked=asked,
    )


def _open(path: Path) -> fastexcel.ExcelReader:
    """The engine's view of the file: by its name, so that it is not held in memory as well.

    What a workbook of another kind is under that name is seen by its content alone.
    """
    with suppress(fastexcel.FastExcelError):
        return fastexcel.read_excel(path)
    return fastexcel.read_excel(path.read_bytes())


def _cells(book: fastexcel.ExcelReader, name: str) -> tuple[pl.DataFrame, int]:
    """Every cell of a sheet as text, and the number of the first column that is used.

    The engine's own rows, which are larger by far, are given back when this is left.
    """
    sheet = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
    frame = sheet.to_polars()
    columns = sheet.available_columns()
    frame.columns = [str(index) for index in range(frame.width)]
    return _tidy(frame), columns[0].absolute_index + 1 if columns else 1


def _read_facts(path: Path, name: str, *, long_numbers: bool) -> SheetFacts:
    if not zipfile.is_zipfile(path):
        return SheetFacts(has_date_text=True, was_scanned=False)
    with zipfile.ZipFile(path) as book:
        part = sheet_part(book, name)
        if part is None or part not in book.namelist():
            return SheetFacts(has_date_text=True, was_scanned=False)
        return read_facts(book, part, long_numbers=long_numbers)


def _look_inside(path: Path) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """The named tables, and the sheets that a person sees."""
    if not zipfile.is_zipfile(path):
        return (), ()
    with zipfile.ZipFile(path) as book:
        return find_tables(book), visible_sheets(book)


def _with_zeros(frame: pl.DataFrame, facts: SheetFacts, first_column: int) -> pl.DataFrame:
    """Numbers with the zeros that their format shows."""
    padded = []
    for column in facts.zeros.columns:
        name = str(column - first_column)
        if name not in frame.columns:
            continue
        widths = [0] * frame.height
        for first, last, width in facts.zeros.runs(column):
            widths[first - 1 : last] = [width] * (min(last, frame.height) - first + 1)
        shown = pl.col(name).str.zfill(pl.lit(pl.Series(widths, dtype=pl.Int64)))
        padded.append(pl.when(pl.col(name).str.contains(r"^\d+$")).then(shown).otherwise(pl.col(name)).alias(name))
    return frame.with_columns(padded)


def _without_hidden_columns(sheet: _Sheet) -> _Sheet:
    hidden = {str(column - sheet.first_column) for column in sheet.facts.hidden_columns}
    empty = [pl.lit(None, pl.String).alias(name) for name in sheet.frame.columns if name in hidden]
    return replace(sheet, frame=sheet.frame.with_columns(empty))


def _tidy(frame: pl.DataFrame) -> pl.DataFrame:
    """Null where a cell is empty; a column without any cell comes as another type."""
    return frame.cast(pl.String).with_columns(pl.when(pl.all() != "").then(pl.all()))


def _real_dates(book: fastexcel.ExcelReader, name: str, columns: Sequence[str], first_column: int) -> pl.DataFrame:
    """Where these columns hold real dates: the engine gives text as null when it is asked for date-times."""
    indices = [int(column) + first_column - 1 for column in columns]
    everything = book.load_sheet(name, header_row=None, skip_rows=0, use_columns=indices, dtypes="datetime")
    frame = everything.to_polars()
    frame.columns = list(columns)
    return frame.select(pl.all().is_not_null())


def _mark_dates(frame: pl.DataFrame, columns: Sequence[str], real: pl.DataFrame | None) -> pl.DataFrame:
    """Real dates get a T between day and time, which tells them from text; times of day lose the engine's day."""
    changed = []
    for name in columns:
        cell = frame.get_column(name)
        is_date = cell.str.contains(_DATE)
        if real is not None:
            is_date &= real.get_column(name)
        marked = pl.col(name).str.slice(0, 10) + "T" + pl.col(name).str.slice(11)
        timed = pl.when(pl.col(name).str.starts_with(_TIME_ONLY)).then(pl.col(name).str.slice(11)).otherwise(marked)
        changed.append(pl.when(is_date).then(timed).otherwise(pl.col(name)).alias(name))
    return frame.with_columns(changed)


def _find_headers(
    path: Path, sheet: _Sheet, asked: int | None, wanted: frozenset[str]
) -> tuple[int, list[tuple[int, str]], Table | None]:
    """The header row's number, (index of the column, header) for every column that has one, and the table they are of.

    A column without a header is left out where it is empty.
    """
    frame = sheet.frame
    place = f'sheet "{sheet.name}"'
    holds = frame.select(~pl.all_horizontal(pl.all().is_null())).to_series() if frame.width else pl.Series([False])
    start = holds.arg_max() if holds.any() else None
    if start is None:
        raise UsageError(f"{path}, {place} is empty.", "Put the headers into the first row, or name another --sheet.")
    rows = _first_rows(frame, start)
    table = sheet.asked or (None if asked else leading_table(sheet.tables, sheet.name, rows))
    row = asked or (table.first_row if table else pick_header_row(f"{path}, {place}", rows, wanted))
    if row > frame.height:
        raise UsageError(f"{path}, {place} has no row {row}.", f"Its last row is {frame.height}; change --header-row.")
    texts = [header_text(cell or "") for cell in frame.row(row - 1)]
    below = frame.slice(row)
    used = [index for index, text in enumerate(texts) if text or below[:, index].null_count() < below.height]
    if sheet.asked:
        columns = range(sheet.asked.first_column, sheet.asked.last_column + 1)
        used = [index for index in used if sheet.number(index) in columns]
    nameless = [column_letters(sheet.number(index)) for index in used if not texts[index]]
    if nameless:
        raise UsageError(
            f"{path}, {place}, row {row}: column {', '.join(nameless)} holds values and has no header.",
            "Name it in that row, or say with --header-row which row holds the headers"
            + "".join(f", or --sheet {table.name}" for table in sheet.tables if table.sheet == sheet.name)
            + ".",
        )
    names = [(index, texts[index]) for index in used]
    check_headers([name for _, name in names], path, f"{place}, row {row}")
    return row, names, table


def _first_rows(frame: pl.DataFrame, start: int) -> list[tuple[int, list[str]]]:
    """Number and trimmed cells of the first rows that hold something."""
    rows = enumerate(frame.slice(start, LOOKED_AT).rows(), start + 1)
    return [(number, [header_text(cell or "") for cell in row]) for number, row in rows if any(row)]
