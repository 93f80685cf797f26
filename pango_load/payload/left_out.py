"""Valid rows that are not sent because of other rows: which they are, chunk by chunk, in flat memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

SPAN_SCHEMA = {"first": pl.UInt32(), "last": pl.UInt32(), "row": pl.UInt32(), "file": pl.UInt16()}
"""Positions of the first and the last record, and the row (as a person counts it) and file of the one to blame."""


class LeftOut:
    """Spans of records in the order of the source, taken chunk by chunk.

    Args:
        spans: frames of `SPAN_SCHEMA`, sorted by `first`, none of which overlap.
    """

    def __init__(self, spans: Iterator[pl.DataFrame]) -> None:
        self._frames = spans
        self._held = pl.DataFrame(schema=SPAN_SCHEMA)

    def within(self, first: int, last: int) -> pl.DataFrame:
        """The spans that hold a record between the positions `first` and `last`; to be asked with rising positions."""
        while not self._held.height or self._held["first"][-1] <= last:
            frame = next(self._frames, None)
            if frame is None:
                break
            self._held = pl.concat([self._held, frame])
        # What ends before this chunk is never asked for again.
        self._held = self._held.filter(pl.col("last") >= first)
        return self._held.filter(pl.col("first") <= last)
