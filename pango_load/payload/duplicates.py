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
_SAME = ["key", "check"]
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

    def repeated_keys(self) -> Iterator[pl.DataFrame]:
        """The keys that stand more than once: `entries`, and position, row and file of their first and last entry.

        The columns are `head_first`, `head_row`, `head_file` and the same with `tail_`; some thousand keys at a time.
        """
        for read in self._keys.ranges():
            yield _repeated(read())

    def left_out(self) -> Iterator[pl.DataFrame]:
        """Spans (`SPAN_SCHEMA`) of the entries that are left out, sorted by position.

        `row` and `file` are those of the entry that stays; under REJECT, the first names the last with its key, and all
        others name the first.
        """
        width = max(1, -(-self._end // RANGES))
        for read in self._keys.ranges():
            # Twice over the same rows, so that a key of millions of rows needs no more memory than any other.
            repeated = _repeated(read())
            if repeated.height:
                for entries in read():
                    losers = self._losers(entries, repeated)
                    self._spans.add(losers.with_columns((pl.col("first") // width).alias(RANGE)))
        self._keys.close()
        for read in self._spans.ranges():
            yield pl.concat(list(read())).sort("first")

    def close(self) -> None:
        """Delete what stands on disk."""
        self._keys.close()
        self._spans.close()

    def _losers(self, entries: pl.DataFrame, repeated: pl.DataFrame) -> pl.DataFrame:
        """The entries that are left out, with the row and file of the one that they are left out for."""
        alike = entries.join(repeated, on=_SAME)
        is_first, is_last = pl.col("first") == pl.col("head_first"), pl.col("first") == pl.col("tail_first")
        match self._policy:
            case OnDuplicate.KEEP_FIRST:
                alike, names_last = alike.filter(~is_first), pl.lit(value=False)
            case OnDuplicate.KEEP_LAST:
                alike, names_last = alike.filter(~is_last), pl.lit(value=True)
            case _:
                names_last = is_first
        return alike.select(
            "first",
            "last",
            *(
                pl.when(names_last).then(pl.col(f"tail_{name}")).otherwise(pl.col(f"head_{name}")).alias(name)
                for name in ("row", "file")
            ),
        )


def _repeated(parts: Iterator[pl.DataFrame]) -> pl.DataFrame:
    """The keys that stand more than once, each with the position, row and file of its first and its last entry."""
    ends = [
        pl.col(name).first().alias(f"head_{name}") if is_head else pl.col(name).last().alias(f"tail_{name}")
        for name in ("first", "row", "file")
        for is_head in (True, False)
    ]
    found = [part.group_by(_SAME).agg(pl.len().alias("entries"), *ends) for part in parts]
    if len(found) == 1:
        return found[0].filter(pl.col("entries") > 1)
    of_all = [pl.col("^head_.*$").first(), pl.col("^tail_.*$").last()]
    joined = pl.concat(found).group_by(_SAME).agg(pl.col("entries").sum(), *of_all)
    return joined.filter(pl.col("entries") > 1)
