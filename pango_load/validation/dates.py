"""Text becomes the milliseconds that are sent, in one of the three ways of design section 4."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from pango_load.validation.zones import placed_evenly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pango_load.records import ZoneRule

HOUR = 3_600_000
EARLIEST = -2_208_988_800_000
"""1900-01-01 in epoch milliseconds."""
LATEST = 4_102_444_800_000
"""2100-01-01 in epoch milliseconds: the tables of daylight saving end there."""

_DATE_ONLY = "%Y-%m-%d"
_ISO_WALL = (
    _DATE_ONLY,
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
)
_ISO_INSTANT = (
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f %#z",
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%d %H:%M%#z",
)
_TIME_PARTS = ("%H", "%I", "%k", "%l", "%M", "%S", "%T", "%R", "%r", "%X", "%c", "%s", "%p", "%P", "%f", "%.f", "%+")
_SECOND_PARTS = ("%S", "%T", "%r", "%X", "%c", "%+")
_ZONE_PARTS = ("%z", "%:z", "%#z", "%+")
_EPOCH_SHAPED = "epoch-ms-shaped"
_SIXTIETH_SECOND = r":60(\D|$)"
# Fewer digits are more likely 20240131, or seconds, than a moment of January 1970; nothing is guessed row by row.
_EPOCH_MS = r"^-?\d{11,14}$"
_DIGIT = re.compile("[0-9]")
_USUAL = {
    "0000-00-00": _DATE_ONLY,
    "0000-00-00 00:00:00": "%Y-%m-%d %H:%M:%S",
    "0000-00-00T00:00:00": "%Y-%m-%dT%H:%M:%S",
    "0000-00-00 00:00": "%Y-%m-%d %H:%M",
    "0000-00-00T00:00": "%Y-%m-%dT%H:%M",
    "0000-00-00T00:00:00Z": "%Y-%m-%dT%H:%M:%S%.f%#z",
    "0000-00-00T00:00:00.000Z": "%Y-%m-%dT%H:%M:%S%.f%#z",
    "0000-00-00T00:00:00+00:00": "%Y-%m-%dT%H:%M:%S%.f%#z",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What a column of dates came to, in step with its text.

    Attributes:
        sent: Int64, the milliseconds to send; null where there is nothing or a problem.
        unreadable: the text is no date in any allowed form.
        outside: a date, but before 1900 or after 2099.
        skipped: a wall-clock time that its zone skipped.
        unplaced: a wall-clock time, and nothing says in which zone.
    """

    sent: pl.Series
    unreadable: pl.Series
    outside: pl.Series
    skipped: pl.Series
    unplaced: pl.Series


def read_moments(text: pl.Series, formats: Sequence[str], zone: ZoneRule, offsets: pl.Series | None = None) -> Moments:
    """Read a column of dates and place it in time.

    Args:
        text: cleaned cells.
        formats: the mapping's patterns; ISO 8601 and real Excel dates (which come as ISO text) are read beside them.
        zone: how a wall-clock time is placed.
        offsets: Int64 hours row by row, where `zone.column` is given.
    """
    wall, instant = _read(text, formats)
    columns = [text.alias("text"), wall.alias("wall"), instant.alias("instant")]
    frame = pl.DataFrame([*columns, offsets.alias("hours")] if offsets is not None else columns)
    hours = None if offsets is None else pl.col("hours")
    frame = frame.with_columns(placed=_place(pl.col("wall"), pl.col("instant"), zone, hours))
    is_there, placed = pl.col("text").is_not_null(), pl.col("placed")
    is_read = pl.col("wall").is_not_null() | pl.col("instant").is_not_null()
    inside = pl.col("wall", "instant").is_between(EARLIEST, LATEST, closed="left")
    outside = pl.any_horizontal(~inside).fill_null(value=False)
    has_zone = zone.timezone is not None
    judged = frame.select(
        sent=pl.when(~outside).then(placed),
        unreadable=is_there & ~is_read,
        outside=outside,
        skipped=(is_read & placed.is_null()) if has_zone else is_there & False,
        unplaced=is_there & False if has_zone else pl.col("wall").is_not_null() & placed.is_null(),
    )
    return Moments(**{column.name: column for column in judged.get_columns()})


def has_zone_part(pattern: str) -> bool:
    """Whether a strptime pattern reads an offset, so that its dates are instants."""
    return pattern in {"epoch-ms", "epoch-s"} or any(part in pattern for part in _ZONE_PARTS)


def _place(wall: pl.Expr, instant: pl.Expr, zone: ZoneRule, hours: pl.Expr | None) -> pl.Expr:
    """Wall-clock and instant milliseconds become what is sent; null where nothing says how."""
    if zone.timezone is not None:
        return pl.coalesce(instant, _placed_by_name(wall, zone.timezone))
    if zone.offset_hours is None and hours is None:
        return instant
    shift = (hours if hours is not None else pl.lit(zone.offset_hours or 0, dtype=pl.Int64)) * HOUR
    if zone.instants:
        return pl.coalesce(instant, wall - shift)
    # The platform shifts what it gets by timezoneGmt: an instant is moved so that the shift brings it back.
    return pl.coalesce(wall, instant + shift)


def _placed_by_name(wall: pl.Expr, timezone: str) -> pl.Expr:
    local = wall.cast(pl.Datetime("ms"))
    return local.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null").dt.epoch("ms")


def _read(text: pl.Series, formats: Sequence[str]) -> tuple[pl.Series, pl.Series]:
    """Milliseconds of the wall clock (read as GMT-0), and of instants known already; each row has one at most.

    Every pattern is tried on what the patterns before it left over, so that a clean column costs one pass.
    """
    wall = pl.repeat(None, len(text), dtype=pl.Int64, eager=True)
    instant = wall.clone()
    cell = pl.col("text")
    is_sound = (cell.is_not_null() & ~cell.str.contains(_SIXTIETH_SECOND)).alias("left")
    left = text.alias("text").to_frame().select(is_sound).to_series().fill_null(value=False)
    rows = left.arg_true()
    part = text if len(rows) == len(text) else text.gather(rows)
    for pattern in (*formats, *_iso_patterns(part, formats)):
        if not len(part):
            break
        found = _read_pattern(part, pattern)
        misses = found.null_count()
        if misses == len(found):
            continue
        if misses == 0 and len(found) == len(text):
            return (wall, found) if is_instant(pattern) else (found, instant)
        is_found = found.is_not_null()
        (instant if is_instant(pattern) else wall).scatter(rows.filter(is_found), found.filter(is_found))
        rows, part = rows.filter(~is_found), part.filter(~is_found)
    return wall, instant


def _iso_patterns(text: pl.Series, formats: Sequence[str]) -> tuple[str, ...]:
    """Every ISO pattern; no two read the same text, so the first cell's comes first and the others find little left."""
    if not text.str.contains(":", literal=True).any():
        # No time of day anywhere: most patterns have nothing to find.
        return (_DATE_ONLY, _EPOCH_SHAPED)
    patterns = (*_ISO_WALL, *_ISO_INSTANT, _EPOCH_SHAPED)
    first = text.first(ignore_nulls=True)
    if formats or not isinstance(first, str):
        return patterns
    sample = pl.Series([first], dtype=pl.String)
    likely = next((pattern for pattern in patterns if _read_pattern(sample, pattern).null_count() == 0), patterns[0])
    return (likely, *(pattern for pattern in patterns if pattern != likely))


def spread(part: pl.Series, where: pl.Series) -> pl.Series:
    """`part` has the rows that `where` marks (Boolean, no nulls); the answer has them in place, null elsewhere."""
    places = (where.cast(pl.Int64).cum_sum() - 1).zip_with(where, pl.Series([None], dtype=pl.Int64))
    return part.gather(places)


def _read_pattern(text: pl.Series, pattern: str) -> pl.Series:
    """Int64 milliseconds, null where the text does not have the pattern."""
    return text.alias("text").to_frame().select(reads(pl.col("text"), pattern)).to_series()


def reads(text: pl.Expr, pattern: str) -> pl.Expr:
    """Text by one pattern: Int64 milliseconds, of the wall clock read as GMT-0 or of an instant; null elsewhere."""
    match pattern:
        case "epoch-ms-shaped":
            return pl.when(text.str.contains(_EPOCH_MS)).then(text).cast(pl.Int64, strict=False)
        case "epoch-ms":
            return text.cast(pl.Int64, strict=False)
        case "epoch-s":
            return (text.cast(pl.Float64, strict=False) * 1000).round().cast(pl.Int64, strict=False)
        case _ if any(part in pattern for part in _TIME_PARTS):
            return text.str.to_datetime(pattern, strict=False, time_unit="ms", cache=False).dt.epoch("ms")
        case _:
            return text.str.to_date(pattern, strict=False, cache=False).cast(pl.Datetime("ms")).dt.epoch("ms")


def places(found: pl.Expr, pattern: str, zone: ZoneRule, span: tuple[int, int]) -> pl.Expr | None:
    """What is sent for the milliseconds that `pattern` read; null where that takes a closer look.

    None where no zone says how. `span`: between which milliseconds they lie.
    """
    nothing = pl.lit(None, dtype=pl.Int64)
    if is_instant(pattern):
        return _place(nothing, found, zone, None)
    if zone.timezone is None:
        return _place(found, nothing, zone, None) if zone.offset_hours is not None else None
    evenly = placed_evenly(found, zone.timezone, earliest=span[0], latest=span[1])
    return _placed_by_name(found, zone.timezone) if evenly is None else evenly


def is_instant(pattern: str) -> bool:
    """Whether what the pattern reads is a moment whatever the zone."""
    return pattern == _EPOCH_SHAPED or has_zone_part(pattern)


def likely_pattern(cell: str, formats: Sequence[str]) -> str | None:
    """The pattern that a column with such a cell probably has throughout; None where no usual one fits."""
    return formats[0] if formats else _USUAL.get(_DIGIT.sub("0", cell))


def has_seconds(pattern: str) -> bool:
    """Whether the pattern would take 23:59:60 for a time."""
    return any(part in pattern for part in _SECOND_PARTS)
