"""Rows that would be sent after a newer one of their record key was accepted are looked for in the source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from pango_load.payload.left_out import SPAN_SCHEMA
from pango_load.records import EntryRef, OnDuplicate
from pango_load.validation.groups import GroupJudge
from pango_load.validation.record_keys import KeyReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pango_load.journal.reading import JournalReader
    from pango_load.journal.spans import RowSpan
    from pango_load.picked_rows import PickedRows
    from pango_load.records import Chunk, FieldMapping
    from pango_load.road import Road
    from pango_load.source.files import Source
    from pango_load.source.fingerprint import Fingerprint

_SAME = ["key", "check"]
_LATE = {"at": pl.Int64(), "key": pl.UInt64(), "check": pl.UInt64()}
"""A row that is about to be sent: its position in the run, and two hashes of its record key."""

_ROW = {"at": pl.Int64(), "row": pl.Int64(), "file": pl.Int64(), "key": pl.UInt64(), "check": pl.UInt64()}


@dataclass(slots=True)
class _Late:
    """Rows that are about to be sent, compared with rows of the run as these pass by.

    Attributes:
        accepted_among: which of some positions are accepted.
        by_any: whether any accepted row of the key stands in the way; else only one behind.
        found: by position, the row and file of the accepted row that stands in the way.
    """

    accepted_among: Callable[[Iterable[int]], set[int]]
    by_any: bool = False
    found: dict[int, tuple[int, int]] = field(default_factory=dict)
    _held: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_LATE))

    def add(self, rows: pl.DataFrame) -> None:
        """Take rows (`_LATE`) in."""
        known = rows.select(_LATE.keys()).filter(pl.col("key").is_not_null())
        if known.height:
            self._held = pl.concat([self._held, known])

    def compare(self, rows: pl.DataFrame, position: Callable[[int, int], int | None] | None = None) -> None:
        """Look at rows (`_ROW`) of the run; `position` says where a row and file stand, where `at` does not."""
        alike = rows.join(self._held, on=_SAME, how="semi")
        if not alike.height:
            return
        if position is not None:
            places = [position(row, file) for row, file in alike.select("row", "file").iter_rows()]
            alike = alike.with_columns(pl.Series("at", places, dtype=pl.Int64)).drop_nulls("at")
        accepted = self.accepted_among(alike["at"].to_list())
        last = (
            alike.filter(pl.col("at").is_in(sorted(accepted)))
            .sort("at")
            .group_by(_SAME)
            .agg(pl.col("at").last().alias("last"), pl.col("row").last(), pl.col("file").last())
        )
        overtaken = self._held.join(last, on=_SAME)
        if not self.by_any:
            overtaken = overtaken.filter(pl.col("at") < pl.col("last"))
        self.found |= {at: (row, file) for at, row, file in overtaken.select("at", "row", "file").iter_rows()}
        self._held = self._held.join(overtaken, on="at", how="anti")


def _rows_of(chunk: Chunk, keys: KeyReader) -> pl.DataFrame:
    """`_ROW` of every row of a chunk."""
    height = chunk.frame.height
    return keys.read(chunk).select(
        pl.int_range(chunk.first, chunk.first + height, dtype=pl.Int64).alias("at"),
        chunk.rows.cast(pl.Int64).alias("row"),
        pl.lit(chunk.file, pl.Int64).alias("file"),
        *_SAME,
    )


# --- rows of a load whose answer never came ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Overtaken:
    """What a load does not send again.

    Attributes:
        entries: in the order of the source.
        rows: file and number of each of their rows.
    """

    entries: tuple[EntryRef, ...] = ()
    rows: tuple[tuple[int, int], ...] = ()


def overtaken_in_load(
    road: Road,
    journal: JournalReader,
    expected: tuple[Fingerprint, ...],
    *,
    after_chunk: Callable[[], None] = lambda: None,
) -> Overtaken:
    """The unknown entries of a load behind which a row of their record key was accepted.

    The source is read only where the journal tells that there may be any; memory holds the keys of the unknown rows.

    Raises:
        MustBeMended: the source has changed.
    """
    keys = KeyReader(road.mapping)
    doubtful = _Positions(journal.doubtful_spans() if keys.finds_any else ())
    if not doubtful.is_any:
        return Overtaken()
    late, unknown = _Late(journal.accepted_among), _Unknown(road.mapping)
    for chunk in road.chunks(expected):
        after_chunk()
        height = chunk.frame.height
        among = [at - chunk.first for at in doubtful.within(chunk.first, chunk.first + height - 1)]
        if not among and not len(unknown):
            continue
        rows = _rows_of(chunk, keys)
        late.add(rows[among])
        unknown.add(chunk, among)
        late.compare(rows)
    entries = unknown.entries(late.found, journal)
    return Overtaken(entries, tuple(unknown.rows_of(entries)))


class _Positions:
    """Positions of rows, taken in their order."""

    def __init__(self, spans: Iterable[RowSpan]) -> None:
        self._places = (at for span in spans for at in range(span.first, span.last + 1))
        self._next = next(self._places, None)
        self.is_any = self._next is not None

    def within(self, first: int, last: int) -> list[int]:
        found = []
        while self._next is not None and self._next <= last:
            if self._next >= first:
                found.append(self._next)
            self._next = next(self._places, None)
        return found


class _Unknown:
    """Unknown rows of a load, with what tells which of them make one entry."""

    def __init__(self, mapping: FieldMapping) -> None:
        self._judge = GroupJudge(mapping) if mapping.groups else None
        self._frames: list[pl.DataFrame] = []
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def add(self, chunk: Chunk, among: Sequence[int]) -> None:
        if not among:
            return
        group = None if self._judge is None else self._judge.keys(chunk).hash().gather(among)
        self._rows += len(among)
        self._frames.append(
            pl.DataFrame(
                {
                    "at": pl.Series(among, dtype=pl.Int64) + chunk.first,
                    "row": chunk.rows.gather(among).cast(pl.Int64),
                    "file": pl.repeat(chunk.file, len(among), dtype=pl.Int64, eager=True),
                    "group": pl.repeat(None, len(among), dtype=pl.UInt64, eager=True) if group is None else group,
                }
            )
        )

    def entries(self, found: dict[int, tuple[int, int]], journal: JournalReader) -> tuple[EntryRef, ...]:
        """The entries that one of the rows in `found` belongs to."""
        if self._judge is None or not found:
            return tuple(EntryRef(at) for at in sorted(found))
        together = self._together(journal)
        return tuple(EntryRef(rows[0], len(rows)) for rows in together if not found.keys().isdisjoint(rows))

    def _together(self, journal: JournalReader) -> Iterator[list[int]]:
        """Positions of the rows of each entry: they share the group, and no row of another entry is between them."""
        held: list[int] = []
        last: int | None = None
        for at, group in pl.concat(self._frames).select("at", "group").iter_rows():
            is_same = bool(held) and group == last and _is_adjacent(journal, held[-1], at)
            if held and not is_same:
                yield held
                held = []
            held.append(at)
            last = group
        if held:
            yield held

    def rows_of(self, entries: Sequence[EntryRef]) -> Iterator[tuple[int, int]]:
        """File and number of each row of `entries`."""
        if not entries:
            return
        told = pl.concat(self._frames)
        for entry in entries:
            start = int(told["at"].search_sorted(entry.position))
            yield from told.slice(start, entry.rows).select("file", "row").iter_rows()


def _is_adjacent(journal: JournalReader, first: int, last: int) -> bool:
    return last == first + 1 or len(journal.placed_positions(first + 1, last - 1)) == last - first - 1


# --- rows of a retry --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRows:
    """The rows of a finished run, in the source that it was made of.

    Attributes:
        source: with the headers of the run.
        expected: what it was.
        position: the position of a row and file, where the order of the run is not that of the source; else None.
    """

    source: Source
    expected: tuple[Fingerprint, ...]
    position: Callable[[int, int], int | None] | None


def overtaken_in_retry(
    mapping: FieldMapping,
    mended: PickedRows,
    positions: Sequence[int],
    run: RunRows,
    journal: JournalReader,
    *,
    after_chunk: Callable[[], None] = lambda: None,
) -> pl.DataFrame:
    """Which mended rows an accepted row of their record key stands in the way of.

    Under `send` and `keep-last` that is a newer row, under `keep-first` and `reject` any. An accepted row is known by
    the key that it has in the source: what a retry before this one changed in the key itself is not kept.

    Args:
        mapping: by which the rows are sent.
        mended: the rows.
        positions: of each of them, in the run.
        run: what they are compared with.
        journal: of the run.
        after_chunk: called some times a second; what it raises ends it.

    Returns:
        Spans of entries (`SPAN_SCHEMA`) by their places among `mended`, with row and file of the accepted one.

    Raises:
        MustBeMended: the source has changed.
    """
    keys = KeyReader(mapping)
    nothing = pl.DataFrame(schema=SPAN_SCHEMA)
    if not keys.finds_any:
        return nothing
    late = _Late(journal.accepted_among, by_any=mapping.on_duplicate in {OnDuplicate.KEEP_FIRST, OnDuplicate.REJECT})
    judge = GroupJudge(mapping) if mapping.groups else None
    groups: list[str | None] = []
    for chunk in mended.read_chunks():
        rows = _rows_of(chunk, keys)
        late.add(rows.with_columns(pl.Series("at", positions[chunk.first : chunk.first + rows.height], dtype=pl.Int64)))
        groups += [None] * rows.height if judge is None else judge.keys(chunk).to_list()
    for chunk in run.source.read_chunks(run.expected):
        after_chunk()
        late.compare(_rows_of(chunk, keys), run.position)
    spans = []
    for first, last in _entries(groups):
        told = [late.found[positions[at]] for at in range(first, last + 1) if positions[at] in late.found]
        if told:
            spans.append((first, last, *told[0]))
    return pl.DataFrame(spans, schema=SPAN_SCHEMA, orient="row") if spans else nothing


def _entries(groups: Sequence[str | None]) -> Iterator[tuple[int, int]]:
    """First and last place of the rows of each entry; a row without a group is alone."""
    first = 0
    for at in range(1, len(groups) + 1):
        if at == len(groups) or groups[at] is None or groups[at] != groups[first]:
            yield first, at - 1
            first = at
