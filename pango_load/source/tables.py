"""The named tables of a workbook (in Excel: Insert, Table), which say themselves where their headers and rows are."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pango_load.source.workbook import attributes, column_letters, column_number, sheet_parts

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Sequence

_TABLE = re.compile(rb"<(?:\w+:)?table\b([^>]*)>")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\b([^>]*)>")
_RANGE = re.compile(r"\$?([A-Z]{1,3})\$?(\d+)(?::\$?([A-Z]{1,3})\$?(\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A rectangle of a sheet; rows and columns are numbers from 1.

    Attributes:
        sheet: the sheet's name.
        total_row: whether its last row holds totals and no record.
    """

    name: str
    sheet: str
    first_row: int
    last_row: int
    first_column: int
    last_column: int
    total_row: bool = False

    @property
    def reference(self) -> str:
        """As Excel writes it: `A3:D10`."""
        first, last = column_letters(self.first_column), column_letters(self.last_column)
        return f"{first}{self.first_row}:{last}{self.last_row}"

    @property
    def totals(self) -> int:
        """The number of the row of totals, 0 where there is none."""
        return self.last_row if self.total_row else 0


def find_tables(book: zipfile.ZipFile) -> tuple[Table, ...]:
    """Every table of an .xlsx file that has a header row, in the order of the sheets."""
    members = set(book.namelist())
    if not any(name.startswith("xl/tables/") for name in members):
        return ()
    found: list[Table] = []
    for sheet, part in sheet_parts(book).items():
        folder, _, name = part.rpartition("/")
        relations = f"{folder}/_rels/{name}.rels"
        if relations not in members:
            continue
        for tag in _RELATION.findall(book.read(relations)):
            relation = attributes(tag)
            if not relation.get("Type", "").endswith("/table"):
                continue
            target = posixpath.normpath(posixpath.join("/" + folder, relation.get("Target", ""))).lstrip("/")
            table = _read_table(book.read(target), sheet) if target in members else None
            found += [table] if table is not None else []
    return tuple(found)


def _read_table(xml: bytes, sheet: str) -> Table | None:
    tag = _TABLE.search(xml)
    told = attributes(tag[1]) if tag else {}
    place = _RANGE.fullmatch(told.get("ref", ""))
    if place is None or told.get("headerRowCount") == "0":
        return None
    return Table(
        name=told.get("displayName") or told.get("name", ""),
        sheet=sheet,
        first_row=int(place[2]),
        last_row=int(place[4] or place[2]),
        first_column=column_number(place[1]),
        last_column=column_number(place[3] or place[1]),
        total_row=told.get("totalsRowCount", "0") != "0",
    )


def asked_table(tables: Sequence[Table], sheets: Sequence[str], asked: str | None) -> Table | None:
    """The table that `--sheet` names, where no sheet is called so; capitals aside."""
    if asked is None or asked in sheets:
        return None
    alike = [table for table in tables if table.name.casefold() == asked.strip().casefold()]
    return alike[0] if alike else None


def leading_table(tables: Sequence[Table], sheet: str, rows: Sequence[tuple[int, Sequence[str]]]) -> Table | None:
    """The table of a sheet that has just one, which says where the headers are better than any guess.

    Not where a row above it is as wide as the table: then the table is something beside the rows.

    Args:
        tables: all of the workbook.
        sheet: the sheet that is read.
        rows: number and trimmed cells of the first rows that hold something.
    """
    inside = [table for table in tables if table.sheet == sheet]
    if len(inside) != 1:
        return None
    table = inside[0]
    width = table.last_column - table.first_column + 1
    above = [cells for number, cells in rows if number < table.first_row]
    is_there = any(number == table.first_row for number, _ in rows)
    return table if is_there and all(sum(map(bool, cells)) < width for cells in above) else None


def table_notes(table: Table | None, *, is_asked: bool, others: Sequence[Table] = ()) -> tuple[str, ...]:
    """What a person should know of the tables of a sheet."""
    notes = [f'table "{other.name}" in {other.reference}: --sheet {other.name} reads it alone' for other in others]
    if table is not None:
        alone = "" if is_asked else f"; --sheet {table.name} reads it alone"
        notes.append(f'table "{table.name}" in {table.reference} gives the headers{alone}')
        if table.total_row:
            notes.append(f"row {table.last_row}, the table's row of totals, is left out")
    return tuple(notes)
