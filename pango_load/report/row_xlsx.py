"""Row files as workbooks, ready to be worked in: text stays text, guilty cells are coloured and say why."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from pango_load.report.book_frame import SHEET_PART, CellStyle, RowsBelow, make_frame
from pango_load.report.plain_text import one_line, text_width
from pango_load.report.private_files import create_private
from pango_load.report.row_files import MarkedRow, RowFile, RowFileName
from pango_load.report.sheet_rows import column_names, date_cell, real_date, row_xml, text_cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import polars as pl

SHEET_ROWS = 1_048_576
"""What a sheet of a workbook holds, header included."""

SHEET_LETTERS = 1 << 29
"""How much a sheet may hold unpacked: from 2 GiB on it needs a kind of archive that Excel offers to repair."""

# Spreadsheets draw every comment when a file is opened: with tens of thousands they stand still.
_COMMENTED_ROWS = 10_000
_COMMENT_LETTERS = 2000
_LINE_HEIGHT = 15.0  # points, of the usual font
_LINES_SHOWN = 8
_WIDTHS = (8, 48)
_SENTENCE_WIDTH = 60
_MARK_WIDTHS = (12, 22, 20, _SENTENCE_WIDTH, _SENTENCE_WIDTH, 28)
_ROWS_HELD = 500
# Measured: a fifth larger than at the usual level 6, in less than half of the time.
_PACKING = 1
_TITLE_LETTERS = 31  # units of UTF-16
# By these a file is told to be a workbook, if they stand first.
_FIRST_MEMBERS = ("_rels/.rels", "docProps/core.xml", "xl/theme/theme1.xml")


class XlsxRowFile(RowFile):
    """Rows as cells of a workbook's first sheet, which is the sheet that is read when it is loaded again.

    The counts by problem are its second sheet, since the first one must hold the rows. Every cell is text
    (format "@"), so that a number typed into it keeps its zeros, but for what the source had as a real date
    (`2026-11-21T02:24:26`): that is a real date again. Rows beyond 1,048,575, or beyond what
    an archive holds that every program opens, go on in `rejected-2.xlsx`.
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
        letters_in_file: int = SHEET_LETTERS,
        files: Sequence[str] = (),
    ) -> None:
        super().__init__(folder, name, headers, files)
        self._sheet_title = sheet or name.capitalize()
        self._rows_in_file = rows_in_file
        self._letters_in_file = letters_in_file
        self._book: _OpenBook | None = None
        self._books = 0

    def append(self, rows: Sequence[MarkedRow], cells: pl.DataFrame) -> None:
        """Write rows as cells."""
        for number, (row, texts) in enumerate(zip(rows, cells.iter_rows(), strict=True), self.rows):
            if self._book is None or self._is_full(self._book):
                self._save()
                self._book = self._new_book([*column_widths(cells), *_MARK_WIDTHS[: len(self.marks)]])
            self._book.append(row, texts, commented=number < _COMMENTED_ROWS)

    def finish(self) -> None:
        """Bring the workbook to its end."""
        self._save()
        self._book = None

    def abandon(self) -> None:
        """Close the workbook as it is."""
        if self._book is not None:
            self._book.abandon()
        self._book = None

    def _new_book(self, widths: Sequence[float]) -> _OpenBook:
        self._books += 1
        number = "" if self._books == 1 else f"-{self._books}"
        file = create_private(self.new_part(f"{self.name}{number}{self.suffix}"))
        return _OpenBook(file, sheet_title(self._sheet_title), self.headers, self.marks, widths=widths)

    def _is_full(self, book: _OpenBook) -> bool:
        return book.rows >= self._rows_in_file or book.letters >= self._letters_in_file

    def _save(self) -> None:
        if self._book is not None:
            self._book.save()


class _OpenBook:
    """A workbook that is being written: its rows go into the archive as they come, all the rest at the end.

    Attributes:
        rows: how many it has, the header not counted.
        letters: what they take unpacked, of at most three bytes each.
    """

    def __init__(
        self, file: IO[bytes], title: str, headers: Sequence[str], marks: Sequence[str], *, widths: Sequence[float]
    ) -> None:
        self.rows = 0
        self.letters = 0
        self._headers = headers
        self._title = title
        self._widths = widths
        self._columns = column_names(len(widths))
        self._heights: dict[int, float] = {}
        self._comments: dict[tuple[int, int], str] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._held: list[str] = []
        frame = make_frame(title, widths)
        self._styles = frame.styles
        # A file without a buffer may take a part of what it is given.
        self._file = io.BufferedWriter(file)
        self._archive = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=_PACKING)
        for name in _FIRST_MEMBERS:
            self._archive.writestr(name, frame.members[name])
        self._sheet = self._archive.open(SHEET_PART, "w")
        self._sheet.write(frame.before)
        head = self._styles[CellStyle.HEAD]
        heads = zip(self._columns, [*headers, *marks], strict=True)
        self._hold(row_xml(1, [text_cell(f"{column}1", head, text) for column, text in heads]))

    def append(self, row: MarkedRow, cells: Sequence[str | None], *, commented: bool) -> None:
        self.rows += 1
        number = self.rows + 1
        guilty: dict[str, list[str]] = {}
        for problem in row.problems:
            self._counts[problem.code, problem.field] += 1
            if problem.column:
                said = "\n".join(one_line(text) for text in (problem.message, problem.hint) if text)
                guilty.setdefault(problem.column, []).append(said)
        marks = row.marks("\n")
        height = _height([*(cell for cell in cells if cell and "\n" in cell), *marks])
        self._hold(row_xml(number, self._cells(str(number), cells, marks, guilty), height))
        if commented:
            if height is not None:
                self._heights[number] = height
            self._comments |= {
                (number, place): "\n\n".join(guilty[name])[:_COMMENT_LETTERS]
                for place, name in enumerate(self._headers if guilty else ())
                if name in guilty
            }

    def _cells(
        self, number: str, cells: Sequence[str | None], marks: Sequence[str], guilty: Mapping[str, Sequence[str]]
    ) -> Iterator[str]:
        text, lines, date_style, red, mark = (self._styles[style] for style in _STYLES_OF_ROWS)
        columns = iter(self._columns)
        for name, value, column in zip(self._headers, cells, columns, strict=False):
            if name in guilty:
                yield text_cell(column + number, red, value or "")
            elif not value:
                continue
            elif date := real_date(value):
                yield date_cell(column + number, date_style, date)
            else:
                yield text_cell(column + number, lines if "\n" in value else text, value)
        for value, column in zip(marks, self._columns[len(self._headers) :], strict=True):
            yield text_cell(column + number, mark, value)

    def save(self) -> None:
        """Write what is left, and close the file.

        Raises:
            OSError: where it cannot be written.
        """
        counts = dict(self._counts.most_common())
        below = RowsBelow(number=self.rows, heights=self._heights, comments=self._comments, counts=counts)
        frame = make_frame(self._title, self._widths, below)
        self._let_go()
        self._sheet.write(frame.after)
        self._sheet.close()
        for name, content in frame.members.items():
            if name not in _FIRST_MEMBERS:
                self._archive.writestr(name, content)
        self._archive.close()
        self._file.close()

    def abandon(self) -> None:
        """Close the file as it is."""
        # On a disk that is full, nothing more can be written.
        for opened in (self._sheet, self._archive, self._file):
            with suppress(OSError, ValueError):
                opened.close()

    def _hold(self, row: str) -> None:
        self._held.append(row)
        self.letters += len(row)
        if len(self._held) >= _ROWS_HELD:
            self._let_go()

    def _let_go(self) -> None:
        self._sheet.write("".join(self._held).encode())
        self._held = []


_STYLES_OF_ROWS = (CellStyle.TEXT, CellStyle.LINES, CellStyle.DATE, CellStyle.GUILTY, CellStyle.MARK)


def _height(texts: Sequence[str]) -> float | None:
    """A height for a row that needs one: not every program reckons it when it opens the file."""
    lines = max(map(_lines, texts))
    return _LINE_HEIGHT * min(lines, _LINES_SHOWN) if lines > 1 else None


def _lines(text: str) -> int:
    if len(text) * 2 < _SENTENCE_WIDTH and "\n" not in text:
        return 1
    return sum([1 + int(text_width(line) / _SENTENCE_WIDTH) for line in text.split("\n")])


def column_widths(cells: pl.DataFrame) -> list[float]:
    """A width for each column, in letters: wide enough for its header and for most of the first rows."""
    least, most = _WIDTHS
    widths: list[float] = []
    for column in cells.head(200).get_columns():
        lengths = sorted(text_width(cell) for cell in column if cell)
        usual = lengths[int(len(lengths) * 0.9)] if lengths else 0
        widths.append(min(max(least, text_width(column.name) + 3, usual + 3), most))
    return widths


def sheet_title(title: str) -> str:
    r"""`title` as a workbook takes it: at most 31 letters, none of `\ / ? * [ ] :`, no apostrophe at its ends."""
    safe = re.sub(r"[\\/?*\[\]:]", "_", one_line(title)).encode("utf-16-le")
    return safe[: 2 * _TITLE_LETTERS].decode("utf-16-le", errors="ignore").strip("'") or "Rows"
