"""Which entries share a record key, and which of them are left out, within a fixed memory however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from pango_load.payload.left_out import SPAN_SCHEMA
from pango_load.payload.spill import RANGE, RANGES, ROWS_IN_MEMORY, Spill
from pango_load.records import OnDuplicate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KEY_SCHEMA = {"key": pl.UInt64(), "check": pl.UInt64(), **SPAN_SCHEMA}
_RANGE_BITS = 59
"""A hash's range is what stands above so many of its bits."""


class Duplicates:
    """Remembers every entry that could be sent by two hashes of its record key: 30 bytes an entry, on disk.

    Entries are taken for alike where both hashes are, 128 bits in all: that two different keys among 20 million agree
    in them is as likely as 6 in 10^25. One hash of 64 bits would drop an innocent row in one of a hundred thousand
    such loads, and say nothing.

    Args:
        folder: where there is room for them.
        policy: which of several entries with one key stay: KEEP_FIRST, KEEP_LAST, or none (REJECT).
    """

    def __init__(self, folder: Path, policy: OnDuplicate, *, in_memory: int = ROWS_IN_MEMORY) -> None:
        self._policy = policy
        self._keys = Spill(folder, "rivals-", _KEY_SCHEMA, in_memory=in_memory)
        self._spans = Spill(folder, "left-out-", SPAN_SCHEMA, in_memory=in_memory)
        self._end = 0

    def add(self, entries: pl.DataFrame) -> None:
        """Remember entries.

        Args:
            entries: `key` and `check` (UInt64, both null where nothing identifies the entry), and the columns of
                `SPAN_SCHEMA`: its first and last position, its first row's number and file.
        """
        if not entries.height:
            return
        self._end = max(self._end, int(entries["last"][-1]) + 1)
        known = entries.filter(pl.col("key").is_not_null())
        self._keys.add(known.with_columns((pl.col("key") // 2**_RANGE_BITS).alias(RANGE)))

    def left_out(self) -> Iterator[pl.DataFrame]:
        """Spans (`SPAN_SCHEMA`) of the entries that are left out, sorted by position.

        `row` and `file` are those of the entry that stays; under REJECT, of the first other entry with its key.
        """
        width = max(1, -(-self._end // RANGES))
        for keys in self._keys.ranges():
            losers = self._losers(keys)
            self._spans.add(losers.with_columns((pl.col("first") // width).alias(RANGE)))
        self._keys.close()
        for spans in self._spans.ranges():
            yield spans.sort("first")

    def close(self) -> None:
        """Delete what stands on disk."""
        self._keys.close()
        self._spans.close()

    def _losers(self, keys: pl.DataFrame) -> pl.DataFrame:
        same = ["key", "check"]
        ordered = keys.sort(*same, "first")
        repeats = ordered.filter(pl.len().over(same) > 1)
        place = pl.int_range(pl.len()).over(same)
        if self._policy is OnDuplicate.REJECT:
            # The first one names the second, all others name the first.
            other = {
                name: pl.when(place == 0)
                .then(pl.col(name).get(1).over(same))
                .otherwise(pl.col(name).first().over(same))
                for name in ("row", "file")
            }
            return repeats.with_columns(**other).select(*SPAN_SCHEMA)
        keeps_first = self._policy is OnDuplicate.KEEP_FIRST
        kept = place == (0 if keeps_first else pl.len().over(same) - 1)
        other = {
            name: (pl.col(name).first() if keeps_first else pl.col(name).last()).over(same) for name in ("row", "file")
        }
        return repeats.with_columns(**other, kept=kept).filter(~pl.col("kept")).select(*SPAN_SCHEMA)
