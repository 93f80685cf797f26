"""A sheet of a workbook becomes chunks, its rows numbered as Excel shows them."""

from __future__ import annotations

import io
import warnings
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import fastexcel
import polars as pl

from pango_load.errors import UsageError
from pango_load.records import Chunk, Damage
from pango_load.source.fingerprint import BlockReader
from pango_load.source.formats import (
    CODE_COLUMN,
    SourceFile,
    SourceFormat,
    check_headers,
    still_damaged,
    without_marks,
)
from pango_load.source.workbook import NO_VALUE, SheetFacts, column_letters, read_facts, sheet_part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pango_load.plan import SourceOptions
    from pango_load.source.fingerprint import Fingerprint

CHUNK_ROWS = 16384
_LOOKED_AT = 50
_FEW = 3
_LARGE = 20 << 20
_GROWTH = 20
_RAW_CHARACTERS = 4096
_DATE = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
_LONG_NUMBER = r"^-?\d{16,}$"
_ODD = rf"{_DATE}|{_LONG_NUMBER}"
_TIME_ONLY = "1899-12-31 "


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """A sheet as the engine gives it: every row from row 1, every cell as text.

    Attributes:
        frame: columns named by their position, "0" for the first one that is used.
        first_column: its number, 1 for column A.
        name, others: the sheet, and how many more there are.
    """

    frame: pl.DataFrame
    first_column: int
    name: str
    others: int
    facts: SheetFacts


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
        self.fingerprint: Fingerprint | None
        content, self.fingerprint = _read_whole(path, None)
        sheet = _load(path, content, options.sheet)
        header_row, names = _find_headers(path, sheet, options.header_row, wanted)
        self._header_row = header_row
        self._names = names
        self.headers = without_marks([name for _, name in names])
        self._sheet = sheet
        self.file = SourceFile(
            path=path,
            format=SourceFormat.XLSX,
            sheet=sheet.name,
            header_row=header_row,
            notes=(
                *sheet_notes(sheet.name, sheet.others, sheet.facts, visible_only=self._visible_only),
                *_memory_note(len(content)),
            ),
        )
        self._records = self._find_records()

    def with_headers(self, extra: Sequence[str]) -> SheetReader:
        """Itself: the headers stand in the sheet."""
        del extra
        return self

    def read(self, *, first: int, file: int, expected: Fingerprint | None) -> Iterator[Chunk]:
        """Every record; the whole file is verified before the first of them is handed out."""
        _, self.fingerprint = _read_whole(self._path, expected or self.fingerprint, keep=False)
        failed = self._failed_by_row()
        has_code = CODE_COLUMN in self._records.columns
        for start in range(0, self._records.height, CHUNK_ROWS):
            part = self._records.slice(start, CHUNK_ROWS)
            rows = part.get_column("\x00row")
            frame = part.select(self.headers)
            damaged = {
                index: self._damage(row, failed[row], part.row(index)[1:])
                for index, row in enumerate(rows)
                if row in failed
            }
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
        offset = self._sheet.first_column
        places = {f"{column_letters(index + offset)}{row}": what for index, what in failed.items()}
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


def _header_row(path: Path, sheet: _Sheet, start: int, wanted: frozenset[str]) -> int:
    """The number of the first row with something in it, unless that is clearly a title above the headers."""
    rows = [[(cell or "").strip() for cell in row] for row in sheet.frame.slice(start, _LOOKED_AT).rows()]
    if wanted:
        found = next((number for number, row in enumerate(rows) if wanted <= set(row)), None)
        if found is not None:
            return start + found + 1
    filled = [[cell for cell in row if cell] for row in rows]
    width = max(map(len, filled))
    better = next((number for number, row in enumerate(filled) if len(set(row)) == width), 0)
    if len(filled[0]) <= 1 and width >= _FEW and better:
        raise UsageError(
            f'{path}, sheet "{sheet.name}": row {start + 1} looks like a title, and row {start + better + 1} like the'
            " headers.",
            f"Say so with --header-row {start + better + 1} (or --header-row {start + 1}).",
        )
    return start + 1


def _read_whole(path: Path, expected: Fingerprint | None, *, keep: bool = True) -> tuple[bytes, Fingerprint]:
    reader = BlockReader(path, expected)
    content = io.BytesIO()
    for block in reader.blocks():
        if keep:
            content.write(block)
    if reader.fingerprint is None:  # pragma: no cover - blocks() sets it or raises
        raise AssertionError
    return content.getvalue(), reader.fingerprint


def _load(path: Path, content: bytes, wanted: str | None) -> _Sheet:
    try:
        book = fastexcel.read_excel(content)
        name = pick_sheet(path, book.sheet_names, wanted)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sheet = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
            frame = sheet.to_polars()
            columns = sheet.available_columns()
            frame.columns = [str(index) for index in range(frame.width)]
            frame = _tidy(frame)
            odd = [name for name in frame.columns if frame.get_column(name).str.contains(_ODD).any()]
            has_long = any(frame.get_column(name).str.contains(_LONG_NUMBER).any() for name in odd)
            facts = _read_facts(content, name, long_numbers=has_long)
            dates = [name for name in odd if frame.get_column(name).str.contains(_DATE).any()]
            first_column = columns[0].absolute_index + 1 if columns else 1
            real = _real_dates(book, name, dates, first_column) if facts.has_date_text and dates else None
    except (fastexcel.FastExcelError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"{path} cannot be opened as a workbook: it is damaged, or something else under that name.",
            "Open it in Excel and save it again as .xlsx, or export it as CSV UTF-8.",
        ) from error
    return _Sheet(
        frame=_mark_dates(frame, dates, real),
        first_column=first_column,
        name=name,
        others=len(book.sheet_names) - 1,
        facts=facts,
    )


def pick_sheet(path: Path, names: Sequence[str], wanted: str | None) -> str:
    """The sheet that is meant: by name, by a name that differs in case only, or by number from 1; else the first.

    Raises:
        UsageError: listing the sheets there are.
    """
    if not names:
        raise UsageError(f"{path} has no sheets.", "Save the table as a sheet of a workbook, or as CSV.")
    if wanted is None:
        return names[0]
    if wanted in names:
        return wanted
    alike = [name for name in names if name.strip().casefold() == wanted.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    if wanted.isdigit() and 1 <= int(wanted) <= len(names):
        return names[int(wanted) - 1]
    listed = ", ".join(f'{number} "{name}"' for number, name in enumerate(names, 1))
    raise UsageError(f'{path} has no sheet "{wanted}".', f"--sheet takes one of these, by name or number: {listed}.")


def _read_facts(content: bytes, name: str, *, long_numbers: bool) -> SheetFacts:
    if not content.startswith(b"PK"):
        return SheetFacts(has_date_text=True, was_scanned=False)
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        part = sheet_part(book, name)
        if part is None or part not in book.namelist():
            return SheetFacts(has_date_text=True, was_scanned=False)
        return read_facts(book, part, long_numbers=long_numbers)


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
) -> tuple[int, list[tuple[int, str]]]:
    """The header row's number, and (index of the column, header) for every column that has one.

    A column without a header is left out where it is empty.
    """
    frame = sheet.frame
    place = f'sheet "{sheet.name}"'
    holds = frame.select(~pl.all_horizontal(pl.all().is_null())).to_series() if frame.width else pl.Series([False])
    start = holds.arg_max() if holds.any() else None
    if start is None:
        raise UsageError(f"{path}, {place} is empty.", "Put the headers into the first row, or name another --sheet.")
    row = asked or _header_row(path, sheet, start, wanted)
    if row > frame.height:
        raise UsageError(f"{path}, {place} has no row {row}.", f"Its last row is {frame.height}; change --header-row.")
    texts = [(cell or "").strip() for cell in frame.row(row - 1)]
    below = frame.slice(row)
    used = [index for index, text in enumerate(texts) if text or below[:, index].null_count() < below.height]
    letters = {index: column_letters(index + sheet.first_column) for index in used}
    nameless = [letters[index] for index in used if not texts[index]]
    if nameless:
        raise UsageError(
            f"{path}, {place}, row {row}: column {', '.join(nameless)} holds values and has no header.",
            "Name it in that row, or say with --header-row which row holds the headers.",
        )
    names = [(index, texts[index]) for index in used]
    check_headers([name for _, name in names], path, f"{place}, row {row}")
    return row, names


def sheet_notes(name: str, others: int, facts: SheetFacts, *, visible_only: bool) -> tuple[str, ...]:
    """What a person should know about a sheet before its rows are sent."""
    notes = [f"sheet {name}" + (f" ({_count(others, 'other sheet')} not read)" if others else "")]
    if not facts.was_scanned:
        notes.append("error cells and hidden rows of this format cannot be seen: save it as .xlsx to have them told")
    if facts.hidden_rows:
        what = "left out" if visible_only else "read too; --visible-only leaves them out"
        notes.append(f"{_count(len(facts.hidden_rows), 'hidden row')}, {what}")
    if facts.hidden_columns:
        notes.append(f"{_count(facts.hidden_columns, 'hidden group')} of columns, read too")
    if facts.long_numbers:
        shown = ", ".join(facts.long_numbers[:3]) + (", ..." if len(facts.long_numbers) > _FEW else "")
        cells = _count(len(facts.long_numbers), "number cell")
        notes.append(f"{cells} with more than 15 digits ({shown}), which Excel has rounded: format ids as text")
    if facts.filtered:
        notes.append("a filter is set; rows that it hides are read too" if not visible_only else "a filter is set")
    if facts.merged:
        notes.append(f"{_count(facts.merged, 'merged area')}: only the first cell of each has a value")
    return tuple(notes)


def _memory_note(size: int) -> tuple[str, ...]:
    """Measured: a packed workbook of 26 MB takes 550 MB."""
    if size < _LARGE:
        return ()
    return (f"about {size * _GROWTH >> 20:,} MB of memory; --low-memory needs little, and more time",)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
