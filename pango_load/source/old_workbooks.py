"""Workbooks of Excel 97 to 2003 (.xls), read row by row: error cells, hidden rows and formats included."""

from __future__ import annotations

import datetime as dt
import io
from typing import TYPE_CHECKING

import xlrd
from xlrd.biffh import XLRDError, error_text_from_code

from pango_load.errors import UsageError
from pango_load.source.number_formats import shown_digits
from pango_load.source.row_books import DIGITS, cell_text, number_text
from pango_load.source.workbook import SheetFacts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xlrd.sheet import Cell

    from pango_load.source.row_books import Row
    from pango_load.source.tables import Table


class XlsRows:
    """An .xls file; see `RowBook`.

    Raises:
        UsageError: it is protected by a password.
    """

    tables: tuple[Table, ...] = ()
    note = (
        "an old .xls workbook: whether a formula was ever calculated, and whether a filter is set, cannot be seen in it"
    )

    def __init__(self, path: Path) -> None:
        try:
            # xlrd writes what it wonders about to the terminal.
            self._book = xlrd.open_workbook(str(path), logfile=io.StringIO(), formatting_info=True, on_demand=True)
        except XLRDError as error:
            if "encrypted" in str(error):
                raise UsageError(
                    f"{path} is protected by a password.", "Open it in Excel and save it without one."
                ) from error
            raise
        self.names = tuple(self._book.sheet_names())
        first = next((name for name in self.names if not self._book.sheet_by_name(name).visibility), None)
        self.visible: tuple[str, ...] = (first,) if first is not None else ()

    def rows(self, sheet: str) -> Iterator[Row]:
        """See `RowBook`."""
        opened = self._book.sheet_by_name(sheet)
        for index in range(opened.nrows):
            yield index + 1, [self._text(cell) for cell in opened.row(index)]

    def facts(self, sheet: str) -> SheetFacts:
        """See `RowBook`."""
        opened = self._book.sheet_by_name(sheet)
        facts = SheetFacts(
            hidden_rows=[index + 1 for index, row in sorted(opened.rowinfo_map.items()) if row.hidden],
            hidden_columns=[index + 1 for index, column in sorted(opened.colinfo_map.items()) if column.hidden],
            merged=len(opened.merged_cells),
        )
        digits = [self._digits(style) for style in range(len(self._book.xf_list))]
        for row in range(opened.nrows):
            for column, cell in enumerate(opened.row(row)):
                self._note(row + 1, column + 1, cell, digits, facts)
        return facts

    def _note(self, row: int, column: int, cell: Cell, digits: list[int], facts: SheetFacts) -> None:
        if cell.ctype == xlrd.XL_CELL_ERROR:
            facts.failed[row, column] = str(error_text_from_code.get(int(cell.value), "#ERROR"))
        elif cell.ctype == xlrd.XL_CELL_NUMBER:
            if abs(float(cell.value)) >= 10**DIGITS:
                facts.long_numbers.append((row, column))
            if cell.xf_index is not None and digits[cell.xf_index]:
                facts.zeros.add(row, column, digits[cell.xf_index])

    def _digits(self, style: int) -> int:
        shown = self._book.format_map.get(self._book.xf_list[style].format_key)
        return shown_digits(shown.format_str) if shown is not None and shown.format_str else 0

    def _text(self, cell: Cell) -> str | None:
        match cell.ctype:
            case xlrd.XL_CELL_TEXT:
                return str(cell.value) or None
            case xlrd.XL_CELL_NUMBER:
                return number_text(float(cell.value))
            case xlrd.XL_CELL_BOOLEAN:
                return "true" if cell.value else "false"
            case xlrd.XL_CELL_DATE:
                return self._date(float(cell.value))
            case _:
                return None

    def _date(self, value: float) -> str | None:
        if 0 <= value < 1:
            moment = dt.datetime(2000, 1, 1) + dt.timedelta(days=value)  # noqa: DTZ001 - Excel knows no zones
            return cell_text(_rounded(moment).time())
        try:
            return cell_text(_rounded(xlrd.xldate.xldate_as_datetime(value, self._book.datemode)))
        except (xlrd.xldate.XLDateError, OverflowError, ValueError):
            return number_text(value)


def _rounded(moment: dt.datetime) -> dt.datetime:
    """To whole milliseconds, which is what a serial number of Excel holds."""
    return moment.replace(microsecond=0) + dt.timedelta(milliseconds=round(moment.microsecond / 1000))
