"""Rows become entries where several make one: adjacent rows with one key, across chunks, each an item of a list."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from pango_load.payload.entries import make_entries
from pango_load.records import ColumnRule, FieldMapping, FieldRule, FieldType, ZoneRule

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries that are complete, in order.

    Attributes:
        first, last: Int64, positions of their first and last row.
        numbers: Int64, of their first rows, as a person counts them.
        rows: Int64, how many rows each is made of; rejected, skipped and blank ones between them do not count.
        keys: UInt64, hashes of their record keys; None where nothing identifies a record.
        texts: String, their JSON; None where nobody asked for it.
    """

    first: pl.Series
    last: pl.Series
    numbers: pl.Series
    rows: pl.Series
    keys: pl.Series | None = None
    texts: pl.Series | None = None

    def __len__(self) -> int:
        return len(self.first)


@dataclass(slots=True)
class _Open:
    """The entry that the last row belongs to, as far as it has come."""

    key: str
    first: int
    last: int
    number: int
    rows: int
    record_key: int | None
    values: pl.DataFrame | None
    items: list[list[str]] = field(default_factory=list)


class EntryGrouper:
    """Gathers the rows that may be sent into entries; an entry is given when the first row of the next one is seen.

    Args:
        writer: makes their JSON; None where only their places are asked for.
    """

    def __init__(self, writer: GroupWriter | None = None) -> None:
        self._writer = writer
        self._open: _Open | None = None

    @property
    def open_last(self) -> int | None:
        """Position of the last row so far of the entry that is not complete."""
        return None if self._open is None else self._open.last

    def add(
        self,
        positions: pl.Series,
        numbers: pl.Series,
        group_keys: pl.Series,
        record_keys: pl.Series | None,
        values: pl.DataFrame,
        items: Sequence[pl.DataFrame],
    ) -> Entries:
        """Take the next rows that may be sent, and give the entries that end before the last of them.

        Args:
            positions: Int64, increasing.
            numbers: of those rows, as a person counts them.
            group_keys: String, what the rows of one entry share.
            record_keys: UInt64, see `Judged.keys`.
            values: see `Judged.values`; an entry's own are those of its first row.
            items: for each nested list, the values of the items.
        """
        if not len(positions):
            return _no_entries(record_keys is not None)
        texts = self._writer.items(items) if self._writer is not None else []
        is_start = group_keys.ne_missing(group_keys.shift(1))
        is_start = is_start.scatter(0, values=self._open is None or self._open.key != group_keys[0])
        frame = pl.DataFrame({"entry": is_start.cum_sum(), "at": positions, "number": numbers.cast(pl.Int64)})
        frame = frame.with_columns(text.alias(f"items{at}") for at, text in enumerate(texts))
        made = frame.group_by("entry", maintain_order=True).agg(
            pl.col("at").first().alias("first"),
            pl.col("at").last().alias("last"),
            pl.col("number").first(),
            pl.len().cast(pl.Int64).alias("rows"),
            pl.col("^items.*$").str.join(","),
        )
        if not is_start[0]:
            self._go_on(made.row(0, named=True), len(texts))
            made = made.slice(1)
        starts = is_start.arg_true()
        if not len(starts):
            return _no_entries(record_keys is not None)
        of_first = None if record_keys is None else record_keys.gather(starts)
        own_values = values[starts]
        closed = self._closed(made.head(-1), None if of_first is None else of_first.head(-1), own_values.head(-1))
        tail = made.row(-1, named=True)
        self._open = _Open(
            key=group_keys[-1],
            first=tail["first"],
            last=tail["last"],
            number=tail["number"],
            rows=tail["rows"],
            record_key=None if of_first is None else of_first[-1],
            values=own_values.tail(1) if self._writer is not None else None,
            items=[[tail[f"items{at}"]] for at in range(len(texts))],
        )
        return closed

    def flush(self) -> Entries:
        """The entry that the last row belongs to: no further row of it comes."""
        made = pl.DataFrame(schema=dict.fromkeys(("first", "last", "number", "rows"), pl.Int64))
        is_keyed = self._open is not None and self._open.record_key is not None
        return self._closed(made, pl.Series([], dtype=pl.UInt64) if is_keyed else None, None)

    def _go_on(self, tail: dict[str, object], lists: int) -> None:
        if self._open is None:
            return
        last, rows = tail["last"], tail["rows"]
        self._open.last = last if isinstance(last, int) else self._open.last
        self._open.rows += rows if isinstance(rows, int) else 0
        for at in range(lists):
            self._open.items[at].append(str(tail[f"items{at}"]))

    def _closed(self, made: pl.DataFrame, keys: pl.Series | None, values: pl.DataFrame | None) -> Entries:
        """The open entry, and those of `made` behind it."""
        done, self._open = self._open, None
        if done is not None:
            head: dict[str, int | str] = {
                "first": done.first,
                "last": done.last,
                "number": done.number,
                "rows": done.rows,
            }
            head |= {f"items{at}": ",".join(pieces) for at, pieces in enumerate(done.items)}
            made = pl.concat([pl.DataFrame([head]), made], how="diagonal") if made.height else pl.DataFrame([head])
            if keys is not None or done.record_key is not None:
                behind = keys if keys is not None else pl.Series([], dtype=pl.UInt64)
                keys = pl.concat([pl.Series([done.record_key], dtype=pl.UInt64), behind])
            if done.values is not None:
                values = done.values if values is None else pl.concat([done.values, values])
        texts = None
        if self._writer is not None:
            lists = [made[name] for name in made.columns if name.startswith("items")]
            texts = self._writer.entries(values, lists) if values is not None else pl.Series([], dtype=pl.String)
        return Entries(made["first"], made["last"], made["number"], made["rows"], keys, texts)


def _no_entries(is_keyed: bool) -> Entries:
    nothing = pl.Series([], dtype=pl.Int64)
    keys = pl.Series([], dtype=pl.UInt64) if is_keyed else None
    return Entries(nothing, nothing, nothing, nothing, keys, pl.Series([], dtype=pl.String))


class GroupWriter:
    """Writes entries and their items.

    Args:
        mapping: of the entries, with its groups.
        items: for each group, the mapping by which a row becomes an item.
    """

    def __init__(self, mapping: FieldMapping, items: Sequence[FieldMapping]) -> None:
        # An item has no zone of its own: its times are placed by the entry's.
        self._items = [replace(item, zone=ZoneRule()) for item in items]
        self._columns = mapping.columns
        self._lists = [group.target for group in mapping.groups]
        self._mapping = replace(mapping, columns=_with_lists(mapping), groups=())

    def items(self, values: Sequence[pl.DataFrame]) -> list[pl.Series]:
        """For each nested list, the JSON of the item that each row gives."""
        return [make_entries(frame, mapping) for frame, mapping in zip(values, self._items, strict=True)]

    def entries(self, values: pl.DataFrame, lists: Sequence[pl.Series]) -> pl.Series:
        """The JSON of entries from their own values and, for each nested list, their items joined by commas."""
        given = {str(at): values[str(at)] for at in range(len(self._columns))}
        columns = []
        own = iter(range(len(self._columns)))
        for at, rule in enumerate(self._mapping.columns):
            if rule.container is None and rule.target in self._lists:
                columns.append(("[" + lists[self._lists.index(rule.target)] + "]").alias(str(at)))
            else:
                columns.append(given[str(next(own))].alias(str(at)))
        others = [values[name] for name in values.columns if name not in given]
        return make_entries(pl.DataFrame([*columns, *others]), self._mapping)


def _with_lists(mapping: FieldMapping) -> tuple[ColumnRule, ...]:
    """The columns with the nested lists among them, in the catalogue's order: as if each came from a column of JSON."""
    order = {rule.name: place for place, rule in enumerate(mapping.object_type.fields)}
    columns = list(mapping.columns)
    for group in mapping.groups:
        rule = mapping.object_type.field(group.target) or FieldRule(name=group.target, type=FieldType.OBJECT)
        place = order.get(group.target, len(order))
        before = [
            at
            for at, column in enumerate(columns)
            if column.container is None and order.get(column.target, len(order) + 1) < place
        ]
        columns.insert(before[-1] + 1 if before else 0, ColumnRule(target=group.target, rule=rule))
    return tuple(columns)
