"""Which groups of rows are whole: a first reading finds those with a rejected row, or cut in two, or standing apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from pango_load.errors import UsageError
from pango_load.payload.duplicates import Duplicates
from pango_load.payload.left_out import SPAN_SCHEMA, LeftOut
from pango_load.payload.spill import RANGE, Spill
from pango_load.records import OnDuplicate
from pango_load.report.plain_text import grouped
from pango_load.validation.groups import GroupJudge, blank_rows
from pango_load.validation.record_keys import hashed, record_keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pango_load.records import Chunk
    from pango_load.road import Passage, Road
    from pango_load.validation.judge import GroupedRows, Judged

_GROUP_SCHEMA = {
    "first": pl.Int64(),
    "last": pl.Int64(),
    "row": pl.Int64(),
    "file": pl.Int64(),
    "group_key": pl.UInt64(),
    "group_check": pl.UInt64(),
    "key": pl.UInt64(),
    "check": pl.UInt64(),
    "blamed": pl.Int64(),
    "blamed_file": pl.Int64(),
}


@dataclass(slots=True)
class _Open:
    """The group that the last row belongs to, as far as it has come; `blamed` is the number of a rejected row."""

    key: str
    group: dict[str, int | None]
    is_cut: bool = False

    def blame(self, row: int | None, file: int | None) -> None:
        """Take the first rejected row that is told."""
        if self.group["blamed"] is None:
            self.group["blamed"], self.group["blamed_file"] = row, file


class GroupScan:
    """Reads every row of a source once.

    Args:
        road: with a mapping that groups rows.
        folder: where there is room for keys; nothing stays there after `close`.

    Attributes:
        whole: how many groups so far are whole and may be sent.
    """

    def __init__(self, road: Road, folder: Path) -> None:
        self._road = road
        self._reader = GroupJudge(road.mapping)
        self._apart = Duplicates(folder, OnDuplicate.REJECT)
        is_asked = road.mapping.on_duplicate is not OnDuplicate.SEND
        self._duplicates = Duplicates(folder, road.mapping.on_duplicate) if is_asked else None
        self._incomplete = Spill(folder, "incomplete-", SPAN_SCHEMA)
        self._cut: list[tuple[int, int]] = []
        self._open: _Open | None = None
        self._last_file = 0
        self._key_before: str | None = None
        self._is_lost_before = False
        self._has_begun = False
        self._has_ended = False
        self.whole = 0

    def add(self, passage: Passage) -> None:
        """Take the next rows."""
        if passage.before is not None:
            self._look_before(passage.before)
        if passage.judged is not None and passage.judged.grouped is not None:
            self._look_at(passage.judged, passage.judged.grouped)
        if passage.after is not None and not self._has_ended:
            self._look_after(passage.after)

    def finish(self) -> None:
        """Say that the source has ended.

        Raises:
            UsageError: rows of one group stand apart.
        """
        if self._open is not None:
            self._emit(pl.DataFrame([self._open.group], schema=_GROUP_SCHEMA), is_cut=self._open.is_cut)
            self._open = None
        self._refuse_what_stands_apart()

    def incomplete(self) -> LeftOut:
        """The groups that hold a rejected row, each with that row."""
        return LeftOut(part for read in self._incomplete.ranges() for part in read())

    def cut(self) -> LeftOut:
        """The groups that `--skip-rows` or `--limit` cuts in two."""
        spans = [{"first": first, "last": last, "row": 0, "file": 0} for first, last in self._cut]
        return LeftOut(iter((pl.DataFrame(spans, schema=SPAN_SCHEMA),)))

    def repeated(self) -> LeftOut | None:
        """The whole groups that are left out because their record key repeats; None where they are sent."""
        return None if self._duplicates is None else LeftOut(self._duplicates.left_out())

    def close(self) -> None:
        """Delete what stands on disk."""
        self._apart.close()
        self._incomplete.close()
        if self._duplicates is not None:
            self._duplicates.close()

    # --- the edges ----------------------------------------------------------------------------------------------------

    def _look_before(self, chunk: Chunk) -> None:
        for key in self._keys_of(chunk):
            self._is_lost_before = key is None
            self._key_before = key if key is not None else self._key_before

    def _look_after(self, chunk: Chunk) -> None:
        for key in self._keys_of(chunk):
            self._has_ended = True
            if self._open is not None and (key is None or key == self._open.key):
                self._open.is_cut = True
            return

    def _keys_of(self, chunk: Chunk) -> Iterator[str | None]:
        """The keys of rows that are left out, blank ones passed over."""
        keys = self._reader.keys(chunk)
        yield from keys.filter(~blank_rows(chunk)).to_list()

    # --- the rows -----------------------------------------------------------------------------------------------------

    def _look_at(self, judged: Judged, rows: GroupedRows) -> None:
        chunk = judged.chunk
        seen = pl.DataFrame(
            {
                "at": pl.int_range(chunk.frame.height, eager=True),
                "row": chunk.rows.cast(pl.Int64),
                "key": rows.keys,
                "doubt": rows.doubts,
                "is_valid": judged.is_valid,
            }
        ).filter(~judged.is_blank)
        if not seen.height:
            return
        lost = pl.col("key").is_null()
        # A row that cannot be placed may belong to the group before it as well as to the one after it.
        seen = seen.with_columns(
            after=pl.when(lost.shift(-1, fill_value=False)).then(pl.col("row").shift(-1)),
            doubt_file=pl.when(pl.int_range(pl.len()) == 0).then(self._last_file).otherwise(chunk.file),
        )
        if self._open is not None and seen["key"][0] is None:
            self._open.blame(seen["row"][0], chunk.file)
        placed = seen.filter(~lost)
        if placed.height:
            self._gather(judged, placed)
        self._last_file = chunk.file

    def _gather(self, judged: Judged, placed: pl.DataFrame) -> None:
        chunk = judged.chunk
        first_key = placed["key"][0]
        is_start = placed["key"].ne_missing(placed["key"].shift(1))
        is_start = is_start.scatter(0, values=self._open is None or self._open.key != first_key)
        is_bad = ~pl.col("is_valid")
        told = placed.with_columns(
            group=is_start.cum_sum(),
            blamed=pl.when(is_bad).then("row").otherwise(pl.coalesce("doubt", "after")),
            blamed_file=pl.when(is_bad | pl.col("doubt").is_null()).then(chunk.file).otherwise("doubt_file"),
        )
        known = pl.col("blamed").is_not_null()
        made = told.group_by("group", maintain_order=True).agg(
            pl.col("at").first().alias("first"),
            pl.col("at").last().alias("last"),
            pl.col("row").first(),
            pl.col("key").first().alias("text"),
            pl.col("blamed").filter(known).first(),
            pl.col("blamed_file").filter(known).first(),
        )
        groups = pl.concat(
            [
                made,
                hashed(made["text"]).rename({"key": "group_key", "check": "group_check"}),
                record_keys(judged.values[made["first"]], self._road.mapping),
            ],
            how="horizontal",
        ).with_columns(pl.col("first", "last") + chunk.first, file=pl.lit(chunk.file))
        groups = groups.select(_GROUP_SCHEMA.keys()).cast(pl.Schema(_GROUP_SCHEMA))
        if not is_start[0] and self._open is not None:
            head = groups.row(0, named=True)
            self._open.group["last"] = head["last"]
            self._open.blame(head["blamed"], head["blamed_file"])
            groups = groups.slice(1)
        if not groups.height:
            return
        if self._open is not None:
            self._emit(pl.DataFrame([self._open.group], schema=_GROUP_SCHEMA), is_cut=self._open.is_cut)
        is_cut = not self._has_begun and (self._is_lost_before or first_key == self._key_before)
        self._has_begun = True
        if is_cut and groups.height > 1:
            self._emit(groups.head(1), is_cut=True)
            self._emit(groups.slice(1, groups.height - 2))
        else:
            self._emit(groups.head(-1))
        is_cut &= groups.height == 1
        self._open = _Open(placed["key"][-1], groups.row(-1, named=True), is_cut=is_cut)

    def _emit(self, groups: pl.DataFrame, *, is_cut: bool = False) -> None:
        """Groups that are complete, in order."""
        if not groups.height:
            return
        spans = list(SPAN_SCHEMA)
        self._apart.add(groups.select(pl.col("group_key").alias("key"), pl.col("group_check").alias("check"), *spans))
        if is_cut:
            self._cut.extend(groups.select("first", "last").iter_rows())
            return
        bad = groups.filter(pl.col("blamed").is_not_null())
        if bad.height:
            told = bad.select("first", "last", pl.col("blamed").alias("row"), pl.col("blamed_file").alias("file"))
            # All in one range: they come in their order, and are read so.
            self._incomplete.add(told.with_columns(pl.lit(0).alias(RANGE)))
        whole = groups.filter(pl.col("blamed").is_null())
        self.whole += whole.height
        if self._duplicates is not None:
            self._duplicates.add(whole.select("key", "check", *spans))

    def _refuse_what_stands_apart(self) -> None:
        count, first = 0, None
        for repeated in self._apart.repeated_keys():
            count += repeated.height
            if repeated.height:
                head = repeated.sort("head_first").row(0, named=True)
                first = head if first is None or head["head_first"] < first["head_first"] else first
        if first is None:
            return
        column = self._road.mapping.groups[0].group_by
        files = self._road.source.files
        several = len(files) > 1
        one, other = (
            f"row {grouped(first[f'{end}_row'])}" + (f" of {files[first[f'{end}_file']].path.name}" if several else "")
            for end in ("head", "tail")
        )
        more = f" ({grouped(count)} such groups in all)" if count > 1 else ""
        raise UsageError(
            f'Rows with one "{column}" stand apart: {other} has that of {one}, with others between{more}; '
            "nothing was sent.",
            f'Sort the file by "{column}", or add --sort: it sorts a copy, and rows keep their numbers.',
        )
