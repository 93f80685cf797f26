"""Row files as workbooks, ready to be worked in: text stays text, guilty cells are coloured and say why."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from datetime import datetime
from typing import IO, TYPE_CHECKING, cast

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import WorkbookAlreadySaved
from openpyxl.worksheet.properties import PageSetupProperties

from pango_load.report.plain_text import one_line, text_width
from pango_load.report.private_files import create_private
from pango_load.report.row_files import MarkedRow, RowFile, RowFileName
from pango_load.report.tally import problem_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import GeneratorType

    import polars as pl
    from openpyxl.cell import Cell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet
    from openpyxl.worksheet.worksheet import Worksheet

SHEET_ROWS = 1_048_576
"""What a sheet of a workbook holds, header included."""

COUNTS_SHEET = "Problems"

# Spreadsheets draw every comment when a file is opened: with tens of thousands they stand still.
_COMMENTED_ROWS = 10_000
_COMMENT_LETTERS = 2000
_LINE_HEIGHT = 15.0  # points, of the usual font
_LINES_SHOWN = 8
_REAL_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_FIRST_CERTAIN_YEAR = 1901  # before March 1900 a serial number means different days to different programs
_ESCAPED = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_WIDTHS = (8, 48)
_SENTENCE_WIDTH = 60
_MARK_WIDTHS = (12, 22, 20, _SENTENCE_WIDTH, _SENTENCE_WIDTH, 28)


class XlsxRowFile(RowFile):
    """Rows as cells of a workbook's first sheet, which is the sheet that is read when it is loaded again.

    The counts by problem are its second sheet, since the first one must hold the rows. Every cell is text
    (format "@"), so that a number typed into it keeps its zeros, but for what the source had as a real date
    (`2026-11-21T02:24:26`): that is a real date again. Rows beyond 1,048,575 go on in `rejected-2.xlsx`.
    """

    suffix = ".xlsx"

    def __init__(
        self,
        folder: Path,
        name: RowFileName,
        headers: Sequence[str],
        *,
        sheet: str | None = None,
        rows_in_file: int = SHEET_ROWS - 1,
        files: Sequence[str] = (),
    ) -> None:
        super().__init__(folder, name, headers, files)
        self._sheet_title = sheet or name.capitalize()
        self._rows_in_file = rows_in_file
        self._counts: Counter[tuple[str, str]] = Counter()
        self._book: _OpenBook | None = None
        self._books = 0

    def append(self, rows: Sequence[MarkedRow], cells: pl.DataFrame) -> None:
        """Write rows as cells."""
        for row, texts in zip(rows, cells.rows(), strict=True):
            if self._book is None or self._book.rows >= self._rows_in_file:
                self._save()
                widths = [*column_widths(cells), *_MARK_WIDTHS[: len(self.marks)]]
                self._book = _OpenBook(self._sheet_title, self.headers, self.marks, widths=widths)
            self._book.append(row, texts, commented=self.rows < _COMMENTED_ROWS)
            self._counts.update((problem.code, problem.field) for problem in row.problems)

    def finish(self) -> None:
        """Save the workbook; until now it stood in a temporary file."""
        self._save()
        self._book = None

    def abandon(self) -> None:
        """Forget the workbook that is not saved yet."""
        if self._book is not None:
            self._book.abandon()
        self._book = None

    def _save(self) -> None:
        if self._book is None:
            return
        self._books += 1
        number = "" if self._books == 1 else f"-{self._books}"
        self._book.add_counts(self._counts)
        with create_private(self.new_part(f"{self.name}{number}{self.suffix}")) as file:
            self._book.save(file)
        self._counts = Counter()


class _OpenBook:
    """A workbook that is being written, row after row, to a temporary file."""

    def __init__(self, title: str, headers: Sequence[str], marks: Sequence[str], *, widths: Sequence[float]) -> None:
        self.rows = 0
        self._headers = headers
        self._book = Workbook(write_only=True)
        self._sheet = self._add_sheet(title, [*headers, *marks], widths)
        self._columns = len(widths)
        self._text = _Pen(self._sheet, format="@")
        self._lines = _Pen(self._sheet, format="@", wraps=True)
        self._date = _Pen(self._sheet, format="yyyy-mm-dd hh:mm:ss")
        self._guilty = _Pen(self._sheet, format="@", fill=_PALE_RED)
        self._mark = _Pen(self._sheet, format="@", fill=_PALE_GREY, wraps=True)

    def append(self, row: MarkedRow, cells: Sequence[str | None], *, commented: bool) -> None:
        guilty: dict[str, list[str]] = {}
        for problem in row.problems:
            if problem.column:
                said = "\n".join(one_line(text) for text in (problem.message, problem.hint) if text)
                guilty.setdefault(problem.column, []).append(said)
        marks = row.marks("\n")
        self.rows += 1
        self._make_room(self.rows + 1, [*(cell for cell in cells if cell and "\n" in cell), *marks])
        _append(self._sheet, self._cells(cells, marks, guilty, commented=commented))
        self._sheet.row_dimensions.pop(self.rows + 1, None)

    def _make_room(self, number: int, texts: Sequence[str]) -> None:
        """A height for the row where it needs one: not every program reckons it when it opens the file."""
        lines = max(sum(1 + int(text_width(line) / _SENTENCE_WIDTH) for line in text.split("\n")) for text in texts)
        if lines > 1:
            self._sheet.row_dimensions[number].height = _LINE_HEIGHT * min(lines, _LINES_SHOWN)

    def _cells(
        self, cells: Sequence[str | None], marks: Sequence[str], guilty: Mapping[str, Sequence[str]], *, commented: bool
    ) -> Iterator[Cell | None]:
        for name, value in zip(self._headers, cells, strict=True):
            if name in guilty:
                yield self._guilty.write(value or "", "\n\n".join(guilty[name]) if commented else "")
            elif value is None:
                yield None
            elif date := real_date(value):
                yield self._date.write(date)
            else:
                yield (self._lines if "\n" in value else self._text).write(value)
        for text in marks:
            yield self._mark.write(text)

    def add_counts(self, counts: Counter[tuple[str, str]]) -> None:
        if not counts:
            return
        sheet = self._add_sheet(COUNTS_SHEET, ("Problem", "Field", "Rows", "What it is"), (28, 28, 12, _SENTENCE_WIDTH))
        for (code, field), rows in counts.most_common():
            sheet.append([code, field, rows, problem_title(code)])

    def save(self, file: IO[bytes]) -> None:
        last = get_column_letter(self._columns)
        self._sheet.auto_filter.ref = f"A1:{last}{self.rows + 1}"
        self._book.save(file)

    def abandon(self) -> None:
        """End the rows without saving them; openpyxl removes its temporary file when the program ends."""
        for sheet in self._book.worksheets:
            # After a save that failed it may have nothing left to end.
            with suppress(OSError, WorkbookAlreadySaved):
                cast("WriteOnlyWorksheet", sheet).close()

    def _add_sheet(self, title: str, heads: Sequence[str], widths: Sequence[float]) -> Worksheet:
        """A sheet with its header; what stands above the rows must be known before the first of them."""
        sheet = cast("Worksheet", self._book.create_sheet(sheet_title(title)))
        sheet.freeze_panes = "A2"
        # On paper every column stands on the same page.
        sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        sheet.page_setup.orientation = "landscape"
        sheet.page_setup.fitToHeight = 0
        for place, width in enumerate(widths, 1):
            sheet.column_dimensions[get_column_letter(place)].width = width
        pen = _Pen(sheet, format="@", fill=_GREY, bold=True)
        _append(sheet, (pen.write(head) for head in heads))
        return sheet


def _append(sheet: Worksheet, cells: Iterator[Cell | None]) -> None:
    """Write a row while it is being made (see `_Pen`)."""
    sheet.append(cast("GeneratorType[Cell | None, object, object]", cells))


class _Pen:
    """Writes cells of one style: one cell, filled anew for each, since looking up a style costs more than writing.

    That is safe because a write-only sheet writes each cell before it asks for the next.
    """

    def __init__(
        self,
        sheet: Worksheet,
        *,
        format: str,  # noqa: A002 - the workbook's word
        fill: PatternFill | None = None,
        bold: bool = False,
        wraps: bool = False,
    ) -> None:
        self._cell = WriteOnlyCell(sheet)
        self._cell.number_format = format
        self._cell.alignment = Alignment(vertical="top", wrap_text=wraps)
        if fill:
            self._cell.fill = fill
        if bold:
            self._cell.font = Font(name="Calibri", size=11, bold=True)

    def write(self, value: str | datetime, comment: str = "") -> Cell:
        if isinstance(value, str):
            self._cell.value = escaped_for_workbook(value)
            # Whatever it begins with, it is text: never a formula, never an error word.
            self._cell.data_type = "s"
        else:
            self._cell.value = value
        self._cell.comment = _comment(comment) if comment else None
        return self._cell


def _comment(text: str) -> Comment:
    return Comment(text[:_COMMENT_LETTERS], "pango-load", height=120, width=360)


def column_widths(cells: pl.DataFrame) -> list[float]:
    """A width for each column, in letters: wide enough for its header and for most of the first rows."""
    least, most = _WIDTHS
    widths: list[float] = []
    for column in cells.head(200).get_columns():
        lengths = sorted(text_width(cell) for cell in column if cell)
        usual = lengths[int(len(lengths) * 0.9)] if lengths else 0
        widths.append(min(max(least, text_width(column.name) + 3, usual + 3), most))
    return widths


def escaped_for_workbook(text: str) -> str:
    """`text` as a workbook spells it: letters that XML has no room for are written `_x0007_` and read back whole."""
    spelled = _ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
    # White space alone would be dropped by what reads it; its first letter spelled out keeps the others.
    return f"_x{ord(spelled[0]):04X}_{spelled[1:]}" if spelled and spelled.isspace() else spelled


def real_date(text: str) -> datetime | None:
    """The date that a cell of the source was, where its text has exactly the form that dates are read in."""
    if not _REAL_DATE.fullmatch(text):
        return None
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return date if date.year >= _FIRST_CERTAIN_YEAR else None


def sheet_title(title: str) -> str:
    r"""`title` as a workbook takes it: at most 31 letters, none of `\ / ? * [ ] :`, no apostrophe at its ends."""
    return re.sub(r"[\\/?*\[\]:]", "_", one_line(title))[:31].strip("'") or "Rows"


_PALE_RED = PatternFill("solid", start_color="FFFFC7CE")
_PALE_GREY = PatternFill("solid", start_color="FFF2F2F2")
_GREY = PatternFill("solid", start_color="FFD9D9D9")
