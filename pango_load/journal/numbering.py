"""How the records of a run are numbered for a person: a line for each place where number and position part."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pango_load.records import Chunk

Line = tuple[int, int, int]
"""First position, what is added to a position to have the row's number, file."""


@dataclass(slots=True)
class Numbering:
    """Finds those places while chunks pass by: one for each file, and one for each gap (blank rows of a sheet)."""

    _last: tuple[int, int] | None = None

    def of(self, chunk: Chunk) -> list[Line]:
        """The lines that `chunk` adds."""
        differences = chunk.rows - pl.int_range(chunk.first, chunk.first + len(chunk.rows), eager=True)
        changes = (differences != differences.shift(1)).fill_null(value=True)
        lines = []
        for index in changes.arg_true().to_list():
            told = (int(differences[index]), chunk.file)
            if told != self._last:
                lines.append((chunk.first + index, *told))
                self._last = told
        return lines


class RowNumbers:
    """Finds the position of a row by the number that stands in a row file.

    Args:
        lines: of the whole run, in the order of positions.
        read: how many records the run has.
    """

    def __init__(self, lines: Iterable[Line], read: int) -> None:
        self._rows: dict[int, array[int]] = {}
        self._firsts: dict[int, array[int]] = {}
        self._ends: dict[int, array[int]] = {}
        # In the order of positions: first position, what is added to it, file.
        self._starts, self._added, self._files = array("q"), array("q"), array("q")
        self._read = read
        before: int | None = None
        for first, difference, file in lines:
            if before is not None:
                self._ends[before].append(first)
            for column, value in ((self._rows, first + difference), (self._firsts, first)):
                column.setdefault(file, array("q")).append(value)
            self._ends.setdefault(file, array("q"))
            before = file
            for one, told in ((self._starts, first), (self._added, difference), (self._files, file)):
                one.append(told)
        if before is not None:
            self._ends[before].append(read)
        for file, rows in self._rows.items():
            if any(later < earlier for earlier, later in pairwise(rows)):
                # A sorted copy was read: its rows stand in another order than their numbers.
                order = sorted(range(len(rows)), key=rows.__getitem__)
                for columns in (self._rows, self._firsts, self._ends):
                    columns[file] = array("q", (columns[file][at] for at in order))

    def place(self, position: int) -> tuple[int, int]:
        """The row's number and file of the record at `position`; (0, 0) where it was never looked at."""
        at = bisect_right(self._starts, position) - 1
        return (position + self._added[at], self._files[at]) if at >= 0 and position < self._read else (0, 0)

    def position(self, row: int, file: int = 0) -> int | None:
        """The position of row `row` of file `file`; None where no record has that number."""
        rows = self._rows.get(file)
        at = bisect_right(rows, row) - 1 if rows else -1
        if rows is None or at < 0:
            return None
        position = self._firsts[file][at] + row - rows[at]
        return position if position < self._ends[file][at] else None
