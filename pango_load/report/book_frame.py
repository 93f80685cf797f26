"""Everything of a workbook but its rows: styles, widths, comments, the sheet of counts; XlsxWriter makes it.

The rows themselves are written by `row_xlsx`, many times quicker than a library writes them cell by cell
(`docs/decisions/0007-rows-of-a-workbook-as-text.md`), into the sheet that is left open here.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

from pango_load.report.book_comments import UnfamiliarError, multiplied
from pango_load.report.tally import problem_title

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xlsxwriter  # type: ignore[import-untyped] # no stubs exist

SHEET_PART = "xl/worksheets/sheet1.xml"
"""The archive's member that holds the rows."""

COUNTS_SHEET = "Problems"

_COUNT_HEADS = ("Problem", "Field", "Rows", "What it is")
_COUNT_WIDTHS = (28, 28, 12, 60)
_ROWS = re.compile(rb"<sheetData>.*</sheetData>", re.DOTALL)
_DIMENSION = re.compile(rb"<dimension [^>]*/>")
_STYLE = re.compile(rb'<c r="[A-Z]+1" s="(\d+)"/>')
_COMMENTS_PART, _SHAPES_PART = "xl/comments1.xml", "xl/drawings/vmlDrawing1.vml"
_COMMENT_HEIGHT = 120  # pixels
_COMMENT = {"author": "pango-load", "height": _COMMENT_HEIGHT, "width": 360}
_TEXT_FORMAT = 49  # "@", by the number that it has in every workbook
# No text of XML may hold these, and a comment has no way to spell them out.
_NO_LETTERS = str.maketrans({"\ufffe": "\ufffd", "\uffff": "\ufffd"})


class CellStyle(Enum):
    """What a cell is, and therefore looks like."""

    HEAD = auto()
    TEXT = auto()
    LINES = auto()
    DATE = auto()
    GUILTY = auto()
    MARK = auto()


# In XlsxWriter's words.
_LOOKS = {
    CellStyle.HEAD: {"num_format": _TEXT_FORMAT, "valign": "top", "bg_color": "#D9D9D9", "bold": True},
    CellStyle.TEXT: {"num_format": _TEXT_FORMAT, "valign": "top"},
    CellStyle.LINES: {"num_format": _TEXT_FORMAT, "valign": "top", "text_wrap": True},
    CellStyle.DATE: {"num_format": "yyyy-mm-dd hh:mm:ss", "valign": "top"},
    CellStyle.GUILTY: {"num_format": _TEXT_FORMAT, "valign": "top", "bg_color": "#FFC7CE"},
    CellStyle.MARK: {"num_format": _TEXT_FORMAT, "valign": "top", "bg_color": "#F2F2F2", "text_wrap": True},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsBelow:
    """What the frame has to know of the rows under the header.

    Attributes:
        number: how many there are.
        heights: row of the sheet, 1 for the header -> its height in points, where it is not the usual one.
        comments: (row of the sheet, column from 0) -> what is said of the cell; in order.
        counts: (problem, field) -> how many rows have it, the most frequent first.
    """

    number: int
    heights: Mapping[int, float]
    comments: Mapping[tuple[int, int], str]
    counts: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookFrame:
    """A workbook in which the rows are missing.

    Attributes:
        before, after: what stands before and behind the rows in the XML of their sheet.
        styles: the number by which a cell of that XML names its style.
        members: the archive's other members, by name.
    """

    before: bytes
    after: bytes
    styles: Mapping[CellStyle, int]
    members: Mapping[str, bytes]


class Multiplier(Protocol):
    """Makes many comments of one in each column; see `multiplied`."""

    def __call__(
        self,
        comments: bytes,
        shapes: bytes,
        texts: Mapping[tuple[int, int], str],
        heights: Mapping[int, float],
        *,
        height: int,
    ) -> tuple[bytes, bytes]:
        """The texts of all comments, and their boxes."""
        ...


def make_frame(
    title: str, widths: Sequence[float], below: RowsBelow | None = None, *, multiply: Multiplier = multiplied
) -> BookFrame:
    """The frame of a sheet called `title`, its columns as wide as `widths` says (in letters).

    Called before the first row, when nothing is known of them yet, and after the last: `before` and `styles` are the
    same both times. Thousands of comments are multiplied from one in each column, where XlsxWriter spells
    them as usual.
    """
    if below is None or not below.comments:
        return _frame(title, widths, below, {}, {})
    texts = {place: text.translate(_NO_LETTERS) for place, text in below.comments.items()}
    one_for_all = {(2, column): "one for all" for column in sorted({at for _, at in texts})}
    frame = _frame(title, widths, below, one_for_all, {})
    try:
        comments, shapes = multiply(
            frame.members[_COMMENTS_PART], frame.members[_SHAPES_PART], texts, below.heights, height=_COMMENT_HEIGHT
        )
    except UnfamiliarError:
        return _frame(title, widths, below, texts, below.heights)
    return replace(frame, members={**frame.members, _COMMENTS_PART: comments, _SHAPES_PART: shapes})


def _frame(
    title: str,
    widths: Sequence[float],
    below: RowsBelow | None,
    comments: Mapping[tuple[int, int], str],
    heights: Mapping[int, float],
) -> BookFrame:
    # Imported here: most workbooks hold no row to be rejected.
    import xlsxwriter

    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet = book.add_worksheet(title)
        _arrange(sheet, widths)
        # Nobody sees these cells; they tell the numbers of the styles.
        for column, style in enumerate(CellStyle):
            sheet.write_blank(0, column, None, book.add_format(_LOOKS[style]))
        for number, height in heights.items():
            sheet.set_row(number - 1, height)
        for (number, column), text in comments.items():
            sheet.write_comment(number - 1, column, text, _COMMENT)
        if below is not None:
            sheet.autofilter(0, 0, below.number, len(widths) - 1)
            if below.counts:
                _add_counts(book, title, below.counts)
    return _taken_apart(content)


def _arrange(sheet: xlsxwriter.worksheet.Worksheet, widths: Sequence[float]) -> None:
    sheet.freeze_panes(1, 0)
    # On paper every column stands on the same page.
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)


def _add_counts(book: xlsxwriter.Workbook, title: str, counts: Mapping[tuple[str, str], int]) -> None:
    # No two sheets may have one title, in whichever case.
    sheet = book.add_worksheet(COUNTS_SHEET if title.casefold() != COUNTS_SHEET.casefold() else f"{COUNTS_SHEET} 2")
    _arrange(sheet, _COUNT_WIDTHS)
    style = book.add_format(_LOOKS[CellStyle.HEAD])
    for column, head in enumerate(_COUNT_HEADS):
        sheet.write_string(0, column, head, style)
    for row, ((code, field), rows) in enumerate(counts.items(), 1):
        for column, text in ((0, code), (1, field), (3, problem_title(code))):
            sheet.write_string(row, column, text)
        sheet.write_number(row, 2, rows)


def _taken_apart(content: io.BytesIO) -> BookFrame:
    with zipfile.ZipFile(content) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = members.pop(SHEET_PART)
    rows = _ROWS.search(sheet)
    if rows is None:  # pragma: no cover - the row of styles stands there
        raise AssertionError(sheet[:1000])
    numbers = map(int, _STYLE.findall(rows[0]))
    return BookFrame(
        before=_DIMENSION.sub(b"", sheet[: rows.start()]) + b"<sheetData>",
        after=b"</sheetData>" + sheet[rows.end() :],
        styles=dict(zip(CellStyle, numbers, strict=True)),
        members=members,
    )
