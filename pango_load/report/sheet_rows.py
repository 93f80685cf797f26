"""Rows of a workbook's sheet as XML: text stays text whatever it begins with, and real dates are dates."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CELL_LETTERS = 32_767
"""What a cell of a spreadsheet holds, in units of UTF-16."""

_REAL_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_DATE_LETTERS = 19
_FIRST_CERTAIN_YEAR = 1901  # before March 1900 a serial number means different days to different programs
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a workbook's dates have no zone
_DAY = timedelta(days=1)
_TOLD_APART = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_SPELLED = re.compile(rf"[&<>]|{_TOLD_APART.pattern}")
# In the words of polars: what cannot stand in a cell of text as it is.
_CARE = r"[&<>\x00-\x1f\x{fffe}\x{ffff}]|_x|^\s|\s$|^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"
_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def column_names(count: int) -> tuple[str, ...]:
    """The names of the first columns: A, B, … Z, AA."""
    names = []
    for place in range(count):
        name, rest = "", place
        while rest >= 0:
            name = chr(65 + rest % 26) + name
            rest = rest // 26 - 1
        names.append(name)
    return tuple(names)


def row_xml(number: int, cells: Iterable[str], height: float | None = None) -> str:
    """A row of cells, with its height in points where it is not the usual one."""
    if height is None:
        return f'<row r="{number}">{"".join(cells)}</row>'
    return f'<row r="{number}" ht="{height:g}" customHeight="1">{"".join(cells)}</row>'


def text_cell(place: str, style: int, text: str) -> str:
    """A cell of text at a place like `B7`: never a formula, a number or an error. Empty text is an empty cell."""
    if not text:
        return f'<c r="{place}" s="{style}"/>'
    if len(text) * 2 > CELL_LETTERS:
        text = _as_far_as_it_fits(text)
    if _SPELLED.search(text):
        text = _SPELLED.sub(_spelled, text)
    first, last = text[0], text[-1]
    if first.isspace() or last.isspace():
        if text.isspace():
            # White space alone would be dropped by what reads it; its first letter spelled out keeps the others.
            text = f"_x{ord(first):04X}_{text[1:]}"
        return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    return f'<c r="{place}" s="{style}" t="inlineStr"><is><t>{text}</t></is></c>'


def columns_with_care(cells: pl.DataFrame) -> tuple[bool, ...]:
    """Of each column (String): whether a cell of it holds more than plain text, so that each is looked at."""
    is_long = pl.all().str.len_bytes() > CELL_LETTERS
    return tuple(found is True for found in cells.select((pl.all().str.contains(_CARE) | is_long).any()).row(0))


def text_cells(
    texts: Sequence[str | None], column: str, first: int, *, styles: tuple[int, int, int], with_care: bool
) -> list[str]:
    """The cells of a column from row `first` on; no XML where there is no text, a date where there was a real one.

    Args:
        texts: None or empty where a cell is empty.
        column: its name: A, B, …
        first: the number of the first row.
        styles: for text, for text with line breaks, and for dates.
        with_care: see `columns_with_care`.
    """
    if with_care:
        return [_cell(f"{column}{number}", cell, styles) if cell else "" for number, cell in enumerate(texts, first)]
    before, behind = f'<c r="{column}', f'" s="{styles[0]}" t="inlineStr"><is><t>'
    return [f"{before}{number}{behind}{cell}</t></is></c>" if cell else "" for number, cell in enumerate(texts, first)]


def _cell(place: str, cell: str, styles: tuple[int, int, int]) -> str:
    text, lines, date = styles
    if moment := real_date(cell):
        return date_cell(place, date, moment)
    return text_cell(place, lines if "\n" in cell else text, cell)


def date_cell(place: str, style: int, date: datetime) -> str:
    """A cell that holds a real date: the days since the end of 1899."""
    return f'<c r="{place}" s="{style}"><v>{(date - _DAY_ZERO) / _DAY!r}</v></c>'


def real_date(text: str) -> datetime | None:
    """The date that a cell of the source was, where its text has exactly the form that dates are read in."""
    if len(text) != _DATE_LETTERS or not _REAL_DATE.fullmatch(text):
        return None
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return date if date.year >= _FIRST_CERTAIN_YEAR else None


def _spelled(found: re.Match[str]) -> str:
    """A letter that XML has no room for as `_x0007_`, which is read back whole; so is what looks like such a word."""
    return _MARKUP.get(found[0]) or f"_x{ord(found[0]):04X}_"


def _as_far_as_it_fits(text: str) -> str:
    return text.encode("utf-16-le", errors="surrogatepass")[: CELL_LETTERS * 2].decode("utf-16-le", errors="ignore")
