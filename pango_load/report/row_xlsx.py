"""Row files as workbooks, ready to be worked in: text stays text, guilty cells are coloured and say why."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from contextlib import suppress
from typing import IO, TYPE_CHECKING

import polars as pl

from pango_load.report.book_frame import SHEET_PART, CellStyle, RowsBelow, make_frame
from pango_load.report.plain_text import one_line, text_width
from pango_load.report.private_files import create_private
from pango_load.report.row_files import MarkedRow, RowFile, RowFileName
from pango_load.report.sheet_rows import column_names, columns_with_care, row_xml, text_cell, text_cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


SHEET_ROWS = 1_048_576
"""What a sheet of a workbook holds, header included."""

SHEET_BYTES = 1_900_000_000
"""How much a sheet may hold unpacked: from 2 GiB on it needs a kind of archive that Excel offers to repair."""

# Spreadsheets draw every comment when a file is opened: with tens of thousands they stand still.
_COMMENTED_ROWS = 10_000
_COMMENT_LETTERS = 2000
_LINE_HEIGHT = 15.0  # points, of the usual font
_LINES_SHOWN = 8
_WIDTHS = (8, 48)
_SENTENCE_WIDTH = 60
_MARK_WIDTHS = (12, 22, 20, _SENTENCE_WIDTH, _SENTENCE_WIDTH, 28)
_ROWS_AT_ONCE = 2000
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
        bytes_in_file: int = SHEET_BYTES,
        files: Sequence[str] = (),
    ) -> None:
        super().__init__(folder, name, headers, files)
        self._sheet_title = sheet or name.capitalize()
        self._rows_in_file = rows_in_file
        self._bytes_in_file = bytes_in_file
        self._book: _OpenBook | None = None
        self._books = 0

    def append(self, rows: Sequence[MarkedRow], cells: pl.DataFrame) -> None:
        """Write rows as cells."""
        start = 0
        while start < len(rows):
            if self._book is None or self._is_full(self._book):
                self._save()
                self._book = self._new_book([*column_widths(cells), *_MARK_WIDTHS[: len(self.marks)]])
            end = start + min(_ROWS_AT_ONCE, self._rows_in_file - self._book.rows)
            commented = max(_COMMENTED_ROWS - self.rows - start, 0)
            self._book.append(rows[start:end], cells[start:end], commented=commented)
            start = end

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
        return book.rows >= self._rows_in_file or book.size >= self._bytes_in_file

    def _save(self) -> None:
        if self._book is not None:
            self._book.save()


class _OpenBook:
    """A workbook that is being written: its rows go into the archive as they come, all the rest at the end.

    Attributes:
        rows: how many it has, the header not counted.
        size: what they take unpacked, in bytes.
    """

    def __init__(
        self, file: IO[bytes], title: str, headers: Sequence[str], marks: Sequence[str], *, widths: Sequence[float]
    ) -> None:
        self.rows = 0
        self.size = 0
        self._headers = headers
        self._places = {name: place for place, name in enumerate(headers)}
        self._title = title
        self._widths = widths
        self._columns = column_names(len(widths))
        self._heights: dict[int, float] = {}
        self._comments: dict[tuple[int, int], str] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
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
        self._write([row_xml(1, [text_cell(f"{column}1", head, text) for column, text in heads])])

    def append(self, rows: Sequence[MarkedRow], cells: pl.DataFrame, *, commented: int) -> None:
        """Write rows, the first `commented` of them with comments."""
        first = self.rows + 2
        self.rows += len(rows)
        marks = [row.marks("\n") for row in rows]
        texts = [column.to_list() for column in cells.iter_columns()]
        columns = [
            *self._columns_of(texts, columns_with_care(cells), first),
            *self._columns_of_marks(marks, first),
        ]
        for index, row in enumerate(rows):
            if row.problems:
                self._blame(row, index, first + index, texts, columns, is_commented=index < commented)
        broken = _broken_texts(cells)
        written = []
        for index, made in enumerate(zip(*columns, strict=True)):
            height = _height([*broken.get(index, ()), *marks[index]])
            if height is not None and index < commented:
                self._heights[first + index] = height
            written.append(row_xml(first + index, made, height))
        self._write(written)

    def _columns_of(
        self, texts: Sequence[Sequence[str | None]], care: Sequence[bool], first: int
    ) -> Iterator[list[str]]:
        styles = (self._styles[CellStyle.TEXT], self._styles[CellStyle.LINES], self._styles[CellStyle.DATE])
        for column, of_column, with_care in zip(self._columns, texts, care, strict=False):
            yield text_cells(of_column, column, first, styles=styles, with_care=with_care)

    def _columns_of_marks(self, marks: Sequence[Sequence[str]], first: int) -> Iterator[list[str]]:
        style = self._styles[CellStyle.MARK]
        for column, texts in zip(self._columns[len(self._headers) :], zip(*marks, strict=True), strict=True):
            yield [text_cell(f"{column}{number}", style, text) for number, text in enumerate(texts, first)]

    def _blame(
        self,
        row: MarkedRow,
        index: int,
        number: int,
        texts: Sequence[Sequence[str | None]],
        columns: Sequence[list[str]],
        *,
        is_commented: bool,
    ) -> None:
        """Colour the guilty cells of a row, and note what is said of them."""
        guilty: dict[int, list[str]] = {}
        for problem in row.problems:
            self._counts[problem.code, problem.field] += 1
            if (place := self._places.get(problem.column)) is not None:
                said = "\n".join(one_line(text) for text in (problem.message, problem.hint) if text)
                guilty.setdefault(place, []).append(said)
        for place in sorted(guilty):
            text = texts[place][index] or ""
            columns[place][index] = text_cell(f"{self._columns[place]}{number}", self._styles[CellStyle.GUILTY], text)
            if is_commented:
                self._comments[number, place] = "\n\n".join(guilty[place])[:_COMMENT_LETTERS]

    def save(self) -> None:
        """Write what is left, and close the file.

        Raises:
            OSError: where it cannot be written.
        """
        counts = dict(self._counts.most_common())
        below = RowsBelow(number=self.rows, heights=self._heights, comments=self._comments, counts=counts)
        frame = make_frame(self._title, self._widths, below)
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

    def _write(self, rows: Sequence[str]) -> None:
        block = "".join(rows).encode()
        self._sheet.write(block)
        self.size += len(block)


def _broken_texts(cells: pl.DataFrame) -> dict[int, list[str]]:
    """Index of a row -> those of its cells that take several lines."""
    broken: dict[int, list[str]] = {}
    found = cells.select(pl.all().str.contains("\n", literal=True).any()).row(0, named=True)
    for name in (name for name, is_broken in found.items() if is_broken):
        for index, text in enumerate(cells.get_column(name)):
            if text and "\n" in text:
                broken.setdefault(index, []).append(text)
    return broken


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
