"""When the clocks of a time zone ran evenly: there a wall-clock time becomes an instant by one subtraction.

Looking a zone up for each of a million times is among the dearest steps of all; most columns of dates touch a stretch
or two between changes of the clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import polars as pl

_FIRST, _LAST = datetime(1899, 12, 1, tzinfo=UTC), datetime(2100, 2, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_UNSURE = 2 * 86_400_000
"""Milliseconds beside a change of the clock, more than a clock ever changed by."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Wall-clock times, in milliseconds read as GMT-0, from `start` up to `end`, all `offset` milliseconds ahead."""

    start: int
    end: int
    offset: int


@lru_cache(maxsize=4)
def even_stretches(zone: str) -> tuple[Stretch, ...]:
    """The stretches of an IANA zone from 1900 to 2100, in order, with two days left out around each change.

    The offset is looked at once a day: no zone ever changed its clock twice within three days (a test asks them all).
    """
    days = pl.datetime_range(_FIRST, _LAST, _DAY, time_unit="ms", time_zone="UTC", eager=True).alias("day")
    instants = days.dt.epoch("ms")
    walls = days.dt.convert_time_zone(zone).dt.replace_time_zone(None).dt.epoch("ms")
    table = pl.DataFrame({"instant": instants, "offset": walls - instants})
    table = table.with_columns(stretch=pl.col("offset").rle_id())
    spans = table.group_by("stretch", maintain_order=True).agg(
        pl.col("instant").min().alias("first"), pl.col("instant").max().alias("last"), pl.col("offset").first()
    )
    return tuple(
        Stretch(first + offset + _UNSURE, last + offset - _UNSURE, offset)
        for first, last, offset in spans.select("first", "last", "offset").iter_rows()
        if last - first > 2 * _UNSURE
    )


def placed_evenly(wall: pl.Expr, zone: str, *, earliest: int, latest: int, at_most: int = 8) -> pl.Expr | None:
    """Instants of wall-clock times, Int64 milliseconds; null near changes of the clock.

    Args:
        wall: Int64, milliseconds read as GMT-0.
        zone: an IANA name.
        earliest: of the times in `wall`.
        latest: of them.
        at_most: stretches, beyond which None is given: then asking for each time is no dearer.
    """
    touched = [stretch for stretch in even_stretches(zone) if stretch.end > earliest and stretch.start <= latest]
    if not touched or len(touched) > at_most:
        return None
    placed: pl.Expr | None = None
    for stretch in touched:
        is_inside = wall.is_between(stretch.start, stretch.end, closed="left")
        instant = pl.when(is_inside).then(wall - stretch.offset)
        placed = instant if placed is None else instant.otherwise(placed)
    return placed
