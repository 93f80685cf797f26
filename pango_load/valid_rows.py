"""Of judged rows, those that may be sent and what sending needs of them; a survey keeps them while they are few."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from pango_load.payload.groups import EntryGrouper, GroupWriter
from pango_load.validation.groups import item_mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pango_load.payload.groups import Entries
    from pango_load.records import FieldMapping
    from pango_load.road import Road
    from pango_load.source.fingerprint import Fingerprint
    from pango_load.validation.judge import Judged

KEPT_AT_MOST = 128 << 20
"""Bytes of rows that a survey keeps, counted generously: some 230,000 customers of 22 columns. The process grows by
about half of that (docs/performance.md)."""

CELL_BYTES = 16
"""What polars holds for a cell at most, beside the text of those that are longer than twelve bytes."""


ROWS_AT_ONCE = 20_000
"""Rows whose entries are written at once: narrow rows are many in a chunk, and their entries are wide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidRows:
    """Rows of one chunk that may be sent; all series are in step.

    Attributes:
        positions: Int64, increasing.
        numbers: what the rows are called by.
        values: see `Judged.values`.
        record_keys: see `Judged.keys`.
        group_keys: String, what the rows of one entry share; None where each row is an entry.
        items: for each nested list, the values of the items.
    """

    positions: pl.Series
    numbers: pl.Series
    values: pl.DataFrame
    record_keys: pl.Series | None = None
    group_keys: pl.Series | None = None
    items: Sequence[pl.DataFrame] = ()

    @classmethod
    def of(cls, judged: Judged, numbers: pl.Series | None = None) -> ValidRows:
        """Those of `judged`; `numbers` are what its rows are called by, where that is not their number in the file."""
        valid, rows = judged.is_valid, judged.grouped
        return cls(
            positions=valid_positions(judged),
            numbers=(judged.chunk.rows if numbers is None else numbers).filter(valid),
            values=judged.values.filter(valid),
            record_keys=None if judged.keys is None else judged.keys.filter(valid),
            group_keys=None if rows is None else rows.keys.filter(valid),
            items=() if rows is None else [items.filter(valid) for items in rows.items],
        )

    def parts(self, rows: int = ROWS_AT_ONCE) -> Iterator[ValidRows]:
        """The same, at most so many rows at once; of rows that are an entry each."""
        for start in range(0, len(self.positions), rows):
            yield ValidRows(
                positions=self.positions.slice(start, rows),
                numbers=self.numbers.slice(start, rows),
                values=self.values.slice(start, rows),
                record_keys=None if self.record_keys is None else self.record_keys.slice(start, rows),
            )


def valid_positions(judged: Judged) -> pl.Series:
    """Positions of the rows that may be sent, Int64."""
    return judged.is_valid.arg_true().cast(pl.Int64) + judged.chunk.first


def group_writer(mapping: FieldMapping) -> GroupWriter:
    """Who writes the entries of a mapping that groups rows."""
    return GroupWriter(mapping, [item_mapping(mapping, group) for group in mapping.groups])


def grouped_entries(rows: ValidRows, grouper: EntryGrouper) -> Entries:
    """Give rows to `grouper`: the entries that are complete with them."""
    if rows.group_keys is None:
        raise ValueError("these rows were not judged as groups")
    return grouper.add(rows.positions, rows.numbers, rows.group_keys, rows.record_keys, rows.values, rows.items)


class KeptRows:
    """The valid rows of a source as its survey judged them, so that sending need not read and judge all again.

    All of them, or none: where they are more than `at_most` bytes they are let go, and the source is read again.

    Args:
        fingerprints: of the source. Files of more than `at_most` bytes are not begun with: their rows are hardly less.
    """

    def __init__(self, fingerprints: Sequence[Fingerprint], *, at_most: int = KEPT_AT_MOST) -> None:
        self._rows: deque[ValidRows] = deque()
        self._left = at_most
        self._prints = tuple(fingerprints)
        self._blocks_to_come = sum(len(found.blocks) for found in fingerprints) - 1
        self.is_open = sum(found.size for found in fingerprints) <= at_most

    @property
    def held(self) -> int:
        """How many chunks are held."""
        return len(self._rows)

    def take(self, judged: Judged) -> None:
        """Keep those of the next chunk, where there is room."""
        if not self.is_open:
            return
        # A column that was narrowed still holds the text of all its rows, so all are counted.
        taken = sum(map(_bytes_of, (judged.values, *(judged.grouped.items if judged.grouped is not None else ()))))
        # What follows is about as large as the first: rather nothing is held than half of it in vain.
        is_hopeless = not self._rows and taken * self._blocks_to_come > self._left
        self._left -= taken
        if is_hopeless or self._left < 0:
            self.is_open = False
            self._rows.clear()
        else:
            self._rows.append(ValidRows.of(judged))

    def again(self, road: Road) -> Iterator[ValidRows]:
        """What was kept, once, each piece let go of when it is given; meanwhile every byte of the source is looked at.

        Raises:
            MustBeMended: the source is not what it was.
        """
        chunks, seen, blocks = len(self._rows), 0, sum(len(found.blocks) for found in self._prints)
        unchanged = road.watch(self._prints)
        for number in range(1, chunks + 1):
            # As far as a reading would have come.
            while seen * chunks < blocks * number:
                next(unchanged, None)
                seen += 1
            if number == chunks:
                deque(unchanged, maxlen=0)
            yield self._rows.popleft()


def _bytes_of(frame: pl.DataFrame) -> int:
    return frame.height * frame.width * CELL_BYTES + int(frame.estimated_size())
