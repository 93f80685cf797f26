"""Valid rows are cut into batches: planned in the survey, filled with entries in the sending pass."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import polars as pl

from pango_load.errors import MustBeMended
from pango_load.records import Batch, EntryRef, PlannedBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pango_load.payload.repeated_keys import RepeatedKeys


@dataclass(frozen=True, slots=True)
class Extents:
    """How far entries reach: the positions of their last rows (Int64), and how many rows each is made of.

    Attributes:
        rows: Int64; None where each is made of one.
    """

    last: pl.Series
    rows: pl.Series | None = None

    def part(self, start: int, end: int) -> Extents:
        """Those of the entries from index `start` to before `end`."""
        rows = None if self.rows is None else self.rows.slice(start, end - start)
        return Extents(self.last.slice(start, end - start), rows)

    def rows_of_each(self, batches: int, size: int) -> list[int]:
        """The rows of each of so many batches of `size` entries."""
        if self.rows is None:
            return [size] * batches
        rows: list[int] = self.rows.head(batches * size).reshape((batches, size)).arr.sum().to_list()
        return rows


class BatchPlanner:
    """Cuts the valid rows of a whole source into batches of at most `size` entries, in the file's order.

    Batches fill across rejected rows and across chunks, so there are ceil(valid / size) of them, but where a record key
    would stand twice in one: there the batch is cut short (design, section 3). The same rows give the same batches.

    Args:
        size: entries in a batch at most.
        repeated: remembers which batch holds which key.
        first_number: of the first batch; those before it were planned by an earlier run.
    """

    def __init__(self, size: int, repeated: RepeatedKeys | None, *, first_number: int = 0) -> None:
        self._size = size
        self._first_number = first_number
        self._repeated = repeated
        self._firsts, self._lasts, self._entries = array("q"), array("q"), array("B")
        self._rows = array("q")
        self._open_first = -1
        self._open_last = -1
        self._open_entries = 0
        self._open_rows = 0
        self._open_keys: list[int] = []

    def add(
        self,
        positions: pl.Series,
        keys: pl.Series | None,
        rows: pl.Series | None = None,
        *,
        extents: Extents | None = None,
    ) -> None:
        """Take the next entries.

        Args:
            positions: of their first rows, Int64, increasing: of the valid rows, where each is an entry.
            keys: their record keys (UInt64), null where nothing identifies a record.
            rows: the numbers of those rows.
            extents: given where entries are made of several rows.
        """
        if not len(positions):
            return
        extents = extents if extents is not None else Extents(positions)
        if keys is not None and self._repeats(keys):
            numbers = self._add_one_by_one(positions, keys, extents)
        else:
            numbers = self._add_at_once(positions, keys, extents)
        if keys is not None and self._repeated is not None:
            self._repeated.add(keys, numbers, rows)

    @property
    def _number(self) -> int:
        """Of the batch that is open, or would be next."""
        return self._first_number + len(self._firsts)

    @property
    def entries(self) -> int:
        """How many entries were planned, the open batch's included."""
        return sum(self._entries) + self._open_entries

    @property
    def requests(self) -> int:
        """How many batches were planned, the open one included."""
        return len(self._firsts) + (self._open_entries > 0)

    def batches(self, after: Mapping[int, tuple[int, ...]]) -> Iterator[PlannedBatch]:
        """Close the open batch and give every batch in order; `after`: see `RepeatedKeys.earlier_batches`."""
        self._close_batch()
        planned = zip(self._firsts, self._lasts, self._entries, self._rows, strict=True)
        for number, (first, last, entries, rows) in enumerate(planned, self._first_number):
            yield PlannedBatch(
                number=number, first=first, last=last, entries=entries, rows=rows, after=after.get(number, ())
            )

    def _repeats(self, keys: pl.Series) -> bool:
        """Whether a key stands twice among `keys` and the open batch: only then two of a batch can be alike."""
        known = keys.drop_nulls()
        if self._open_keys:
            known = known.append(pl.Series(self._open_keys, dtype=pl.UInt64))
        return known.n_unique() < len(known)

    def _add_at_once(self, positions: pl.Series, keys: pl.Series | None, extents: Extents) -> pl.Series:
        count = len(positions)
        numbers = (pl.int_range(count, eager=True) + self._open_entries) // self._size + self._number
        taken = min(self._size - self._open_entries, count)
        self._extend(positions[0], extents.part(0, taken), taken)
        taken += self._fill_whole(positions.slice(taken), extents.part(taken, count))
        if taken < count:
            self._extend(positions[taken], extents.part(taken, count), count - taken)
        if keys is not None:
            self._open_keys.extend(keys.tail(min(self._open_entries, count)).drop_nulls().to_list())
        return numbers

    def _fill_whole(self, positions: pl.Series, extents: Extents) -> int:
        """Close as many whole batches as there are positions for; how many positions they took."""
        size = self._size
        batches = len(positions) // size
        if batches:
            taken = positions.head(batches * size)
            self._firsts.extend(taken.gather_every(size).to_list())
            self._lasts.extend(extents.last.head(batches * size).gather_every(size, offset=size - 1).to_list())
            self._entries.extend([size] * batches)
            self._rows.extend(extents.rows_of_each(batches, size))
        return batches * size

    def _add_one_by_one(self, positions: pl.Series, keys: pl.Series, extents: Extents) -> pl.Series:
        numbers = array("L")
        held = set(self._open_keys)
        for at, (position, key) in enumerate(zip(positions.to_list(), keys.to_list(), strict=True)):
            if key is not None and key in held:
                self._close_batch()
            if not self._open_entries:
                held.clear()
            numbers.append(self._number)
            if key is not None:
                held.add(key)
                self._open_keys.append(key)
            self._extend(position, extents.part(at, at + 1), 1)
        return pl.Series(numbers.tolist(), dtype=pl.Int64)

    def _extend(self, first: int, extents: Extents, entries: int) -> None:
        """Add so many entries, which fit, to the open batch."""
        if not self._open_entries:
            self._open_first = first
        self._open_last = extents.last[-1]
        self._open_rows += entries if extents.rows is None else int(extents.rows.sum())
        self._open_entries += entries
        if self._open_entries == self._size:
            self._close_batch()

    def _close_batch(self) -> None:
        if self._open_entries:
            self._firsts.append(self._open_first)
            self._lasts.append(self._open_last)
            self._entries.append(self._open_entries)
            self._rows.append(self._open_rows)
        self._open_entries = self._open_rows = 0
        self._open_keys = []


class EntryRefs(Sequence[EntryRef]):
    """Many of them, of which few are ever looked at.

    Args:
        positions: of the entries' (first) records.
        rows: of how many rows each is made, in step; empty where each is made of one.
    """

    __slots__ = ("_each", "_positions")

    def __init__(self, positions: Sequence[int], rows: Sequence[int] = ()) -> None:
        self._positions, self._each = positions, rows

    @property
    def rows(self) -> int:
        """Of how many rows all of them are made."""
        return sum(self._each) if self._each else len(self._positions)

    @overload
    def __getitem__(self, index: int) -> EntryRef: ...

    @overload
    def __getitem__(self, index: slice[int | None, int | None, int | None]) -> Sequence[EntryRef]: ...

    def __getitem__(self, index: int | slice[int | None, int | None, int | None]) -> EntryRef | Sequence[EntryRef]:
        if isinstance(index, slice):
            return EntryRefs(self._positions[index], self._each[index])
        return EntryRef(self._positions[index], self._each[index] if self._each else 1)

    def __len__(self) -> int:
        return len(self._positions)


class BatchFiller:
    """Fills planned batches with the entries of the chunks that pass by.

    Args:
        planned: the batches still to be sent, in order; rows that belong to none of them pass by.
    """

    def __init__(self, planned: Iterator[PlannedBatch]) -> None:
        self._planned = planned
        self._current = next(planned, None)
        self._entries: list[bytes] = []
        self._positions: list[int] = []
        self._rows: list[int] = []

    @property
    def is_done(self) -> bool:
        """Whether no batch is left to fill."""
        return self._current is None

    def needs(self, first: int, last: int) -> bool:
        """Whether a row between the positions `first` and `last` belongs to the batch that is filled now."""
        return self._current is not None and self._current.first <= last and self._current.last >= first

    @property
    def last(self) -> int | None:
        """Position of the last record of the batch that is filled now; None where none is left."""
        return None if self._current is None else self._current.last

    def fill(self, positions: pl.Series, entries: pl.Series, extents: Extents | None = None) -> Iterator[Batch]:
        """Take the next entries (String), by the positions of their first rows; give every batch that they complete.

        `extents` are given where entries are made of several rows.

        Raises:
            MustBeMended: the rows are not those that the survey planned with: the source changed.
        """
        places = positions.to_list()
        texts = entries.cast(pl.Binary).to_list()
        rows = None if extents is None or extents.rows is None else extents.rows.to_list()
        start, count = 0, len(places)
        while self._current is not None and start < count:
            plan = self._current
            if places[start] < plan.first:
                start = bisect_left(places, plan.first, start)
                continue
            end = count if places[-1] <= plan.last else bisect_right(places, plan.last, start)
            self._entries.extend(texts[start:end])
            self._positions.extend(places[start:end])
            if rows is not None:
                self._rows.extend(rows[start:end])
            start = end
            if start < count or (extents.last[-1] if extents is not None else places[-1]) == plan.last:
                yield self._filled(plan)

    def close(self) -> None:
        """Say that the source has ended.

        Raises:
            MustBeMended: a planned batch is not filled: the source changed.
        """
        if self._current is not None:
            raise _changed(self._current)

    def _filled(self, plan: PlannedBatch) -> Batch:
        refs = EntryRefs(self._positions, self._rows)
        if len(self._entries) != plan.entries or refs.rows != plan.rows:
            raise _changed(plan)
        batch = Batch(plan=plan, entries=tuple(self._entries), refs=refs)
        self._entries, self._positions, self._rows = [], [], []
        self._current = next(self._planned, None)
        return batch


def _changed(plan: PlannedBatch) -> MustBeMended:
    return MustBeMended(
        f"The source is not what it was in the survey: records {plan.first + 1} to {plan.last + 1} differ.",
        "Start the load again when nothing writes to the file any more; what was accepted is recorded.",
    )
