"""Dates from a time when a zone's clock stood otherwise than today: shown in today's zone, they fall on another day."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pango_load.validation.zones import Stretch, even_stretches

if TYPE_CHECKING:
    import polars as pl

_MODERN = 1_577_836_800_000
"""2020-01-01 in epoch milliseconds: a zone that has not changed its clock since has one offset "today"."""


@lru_cache(maxsize=4)
def _older(zone: str) -> tuple[Stretch, ...]:
    """The stretches whose offset is not today's; none for a zone that still changes its clock every year."""
    stretches = even_stretches(zone)
    today = stretches[-1]
    if today.start > _MODERN:
        return ()
    return tuple(stretch for stretch in stretches if stretch.offset != today.offset)


def moved_since(instants: pl.Series, zone: str | None) -> pl.Series | None:
    """Which of `instants` (Int64, epoch milliseconds) fall when the clock of `zone` stood otherwise than today.

    Midnight of 11 July 1974 in Ho Chi Minh City is 16:00 UTC of the day before, since its clock was 8 hours ahead until
    June 1975; a screen that shows 7 hours shows 23:00 of 10 July. None where no instant is affected.
    """
    if zone is None or instants.null_count() == len(instants):
        return None
    older = _older(zone)
    earliest = instants.min()
    if not older or not isinstance(earliest, int) or earliest >= older[-1].end - older[-1].offset:
        return None
    marks = [instants.is_between(stretch.start - stretch.offset, stretch.end - stretch.offset) for stretch in older]
    found = marks[0]
    for mark in marks[1:]:
        found |= mark
    found = found.fill_null(value=False)
    return found if found.any() else None
