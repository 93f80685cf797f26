"""What a load would send, shown before it sends: the first entries as their request, or one row step by step."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl

from pango_load.payload.entries import make_entries
from pango_load.payload.frame import make_frame
from pango_load.payload.groups import EntryGrouper
from pango_load.road import ending, file_names, open_road, request_source
from pango_load.selection import selection_of
from pango_load.valid_rows import ValidRows, group_writer, grouped_entries
from pango_load.validation.wording import rejected_rows
from pango_load.whole_groups import GroupScan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pango_load.payload.groups import Entries
    from pango_load.plan import LoadPlan
    from pango_load.records import FieldMapping, RejectedRow
    from pango_load.road import Passage, Road
    from pango_load.validation.judge import Judged


REJECTS_KEPT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The request that would carry the first entries.

    Attributes:
        files: what was read, as it was named.
        mapping: by which rows became entries.
        source: the request's `source`.
        body: the bytes that would be sent; None where no row gives an entry.
        rows: the rows in it, as a person counts them in their file: one for each entry, or all of a group.
        looked_at: rows that were read for it, the rejected and blank ones included.
        rejected: the first few rows that were turned down on the way.
        rejected_count: how many there were on the way.
        is_all: the source holds no further entries.
        repeated: rows whose record key stands in an earlier row of `rows`; see `onDuplicate`.
        deletes: rows of `rows` whose `recordStatus` is Deleted.
    """

    files: tuple[str, ...]
    mapping: FieldMapping
    source: str
    body: bytes | None
    rows: tuple[int, ...]
    looked_at: int
    rejected: tuple[RejectedRow, ...]
    rejected_count: int
    is_all: bool
    repeated: tuple[int, ...]
    deletes: tuple[int, ...]


def preview(plan: LoadPlan, *, entries: int = 3) -> Preview:
    """Read as far as it takes to make `entries` entries, by the rules of a load; nothing is sent or written.

    Raises:
        UsageError: the files or the mapping cannot be used, or a wall-clock time has no zone (see `Judge.judge`).
    """
    road = open_road(plan)
    source = request_source(plan, road.mapping)
    seen: _Seen = _SeenGroups(road, entries) if road.mapping.groups else _Seen(road.mapping, entries)
    is_all = True
    with ending(road.passages()) as passages:
        for passage in passages:
            seen.take(passage)
            if seen.is_full:
                is_all = False
                break
    seen.end(is_all=is_all)
    return Preview(
        files=file_names(plan, road),
        mapping=road.mapping,
        source=source,
        body=make_frame(road.mapping, source).body(seen.entries) if seen.entries else None,
        rows=tuple(seen.rows),
        looked_at=seen.looked_at,
        rejected=tuple(seen.rejected),
        rejected_count=seen.rejected_count,
        is_all=is_all,
        repeated=tuple(seen.repeated),
        deletes=tuple(seen.deletes),
    )


class _Seen:
    """The entries so far, and what came by on the way to them."""

    def __init__(self, mapping: FieldMapping, wanted: int) -> None:
        self._mapping, self._wanted = mapping, wanted
        self._keys: set[int] = set()
        self.entries: list[bytes] = []
        self.rows: list[int] = []
        self.looked_at = 0
        self.rejected: list[RejectedRow] = []
        self.rejected_count = 0
        self.repeated: list[int] = []
        self.deletes: list[int] = []

    @property
    def is_full(self) -> bool:
        return len(self.entries) >= self._wanted

    def take(self, passage: Passage) -> None:
        """The next rows."""
        if passage.judged is not None:
            self.add(passage.judged)

    def end(self, *, is_all: bool) -> None:
        """No further rows are looked at; `is_all`: there are none."""

    def add(self, judged: Judged) -> None:
        valid = judged.is_valid.arg_true()
        taken = valid.head(self._wanted - len(self.entries))
        complete = len(self.entries) + len(taken) >= self._wanted
        end = int(taken[-1]) + 1 if complete and len(taken) else judged.chunk.frame.height
        self.looked_at += end
        for index, row in rejected_rows(judged):
            if index >= end:
                break
            self.rejected_count += 1
            if len(self.rejected) < REJECTS_KEPT:
                self.rejected.append(row)
        made = make_entries(judged.values[taken], self._mapping).to_list() if len(taken) else []
        for index, entry in zip(taken.to_list(), made, strict=True):
            row = judged.chunk.rows[index]
            self.note(entry, (row,), None if judged.keys is None else judged.keys[index])

    def note(self, entry: str, rows: Sequence[int], key: int | None) -> None:
        """An entry, made of `rows`."""
        self.rows.extend(rows)
        self.entries.append(entry.encode())
        if str(json.loads(entry).get("recordStatus", "")).lower() == "deleted":
            self.deletes.extend(rows)
        if key is not None and key in self._keys:
            self.repeated.append(rows[0])
        elif key is not None:
            self._keys.add(key)


class _SeenGroups(_Seen):
    """The same, where rows make entries together: whole passages are kept until enough groups are whole."""

    def __init__(self, road: Road, wanted: int) -> None:
        super().__init__(road.mapping, wanted)
        self._road = road
        self._passages: list[Passage] = []
        self._folder = TemporaryDirectory(prefix="pango-load-")
        self._scan = GroupScan(road, Path(self._folder.name))

    @property
    def is_full(self) -> bool:
        return self._scan.whole >= self._wanted

    def take(self, passage: Passage) -> None:
        self._passages.append(passage)
        self._scan.add(passage)

    def end(self, *, is_all: bool) -> None:
        try:
            if is_all:
                # Only then is the last group known to be whole.
                self._scan.finish()
            self._narrow()
        finally:
            self._scan.close()
            self._folder.cleanup()

    def _narrow(self) -> None:
        selection = selection_of(self._road, self._scan)
        grouper = EntryGrouper(group_writer(self._road.mapping))
        seen = [selection.of(passage.judged).judged for passage in self._passages if passage.judged is not None]
        for judged in seen:
            self._note_all(grouped_entries(ValidRows.of(judged), grouper), seen)
        self._note_all(grouper.flush(), seen)
        for judged in seen:
            self.looked_at += judged.chunk.frame.height
            rejected = [row for _, row in rejected_rows(judged)]
            self.rejected_count += len(rejected)
            self.rejected += rejected[: REJECTS_KEPT - len(self.rejected)]

    def _note_all(self, entries: Entries, seen: Sequence[Judged]) -> None:
        texts = entries.texts.to_list() if entries.texts is not None else []
        for at, entry in enumerate(texts[: max(0, self._wanted - len(self.entries))]):
            first, last = entries.first[at], entries.last[at]
            rows = [row for judged in seen for row in _rows_between(judged, first, last)]
            self.note(entry, rows, None if entries.keys is None else entries.keys[at])


def _rows_between(judged: Judged, first: int, last: int) -> list[int]:
    """The numbers of the rows that may be sent at the positions `first` to `last`."""
    positions = pl.int_range(len(judged.is_valid), eager=True) + judged.chunk.first
    rows: list[int] = judged.chunk.rows.filter(judged.is_valid & positions.is_between(first, last)).to_list()
    return rows
