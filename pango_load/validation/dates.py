"""Text becomes the milliseconds that are sent, in one of the three ways of design section 4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

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
    quick = _read_at_once(text, formats, zone, offsets)
    if quick is None:
        return _judged(*_read(text, formats), text, zone, offsets)
    sent, left = quick
    if not left.any():
        nothing = ~_marks(text)
        return Moments(sent=sent, unreadable=nothing, outside=nothing, skipped=nothing, unplaced=nothing)
    # What the quick way left over is a handful: it is read with every pattern, and put back in place.
    rest = text.filter(left)
    slow = _judged(*_read(rest, formats), rest, zone, None if offsets is None else offsets.filter(left))

    def put_back(marks: pl.Series) -> pl.Series:
        return spread(marks, left).fill_null(value=False)

    return Moments(
        sent=sent.zip_with(~left, spread(slow.sent, left)),
        unreadable=put_back(slow.unreadable),
        outside=put_back(slow.outside),
        skipped=put_back(slow.skipped),
        unplaced=put_back(slow.unplaced),
    )


def _read_at_once(
    text: pl.Series, formats: Sequence[str], zone: ZoneRule, offsets: pl.Series | None
) -> tuple[pl.Series, pl.Series] | None:
    """The column by its most likely pattern, and which cells that left over; None where most are.

    A cell counts as read only if nothing is wrong with it, so that this changes no cell's meaning.
    """
    first = text.first(ignore_nulls=True)
    if not isinstance(first, str):
        return text.cast(pl.Int64), ~_marks(text)
    patterns = formats or _iso_patterns(text, formats)
    found = _read_pattern(text, patterns[0])
    if 2 * found.null_count() > len(text) + text.null_count():
        return None
    is_instant = patterns[0] == _EPOCH_SHAPED or has_zone_part(patterns[0])
    nothing = pl.repeat(None, len(text), dtype=pl.Int64, eager=True)
    wall, instant = (nothing, found) if is_instant else (found, nothing)
    sent = _place(wall, instant, zone, offsets)
    left = sent.is_null() & text.is_not_null()
    if found.min() is not None and not EARLIEST <= int(found.min()) <= int(found.max()) < LATEST:  # type: ignore[arg-type] # Int64
        left |= ~found.is_between(EARLIEST, LATEST, closed="left").fill_null(value=True)
    if any(part in patterns[0] for part in _SECOND_PARTS):
        left |= text.str.contains(_SIXTIETH_SECOND).fill_null(value=False)
    return sent, left


def _judged(wall: pl.Series, instant: pl.Series, text: pl.Series, zone: ZoneRule, offsets: pl.Series | None) -> Moments:
    is_read = wall.is_not_null() | instant.is_not_null()
    unreadable = text.is_not_null() & ~is_read
    outside = (~wall.is_between(EARLIEST, LATEST, closed="left")).fill_null(value=False) | (
        ~instant.is_between(EARLIEST, LATEST, closed="left")
    ).fill_null(value=False)
    placed = _place(wall, instant, zone, offsets)
    has_zone = zone.timezone is not None
    nothing = ~_marks(text)
    sent = placed.zip_with(~outside, pl.Series([None], dtype=pl.Int64))
    return Moments(
        sent=sent,
        unreadable=unreadable,
        outside=outside,
        skipped=is_read & placed.is_null() if has_zone else nothing,
        unplaced=nothing if has_zone else wall.is_not_null() & placed.is_null(),
    )


def _marks(text: pl.Series) -> pl.Series:
    return pl.repeat(value=True, n=len(text), dtype=pl.Boolean, eager=True)


def has_zone_part(pattern: str) -> bool:
    """Whether a strptime pattern reads an offset, so that its dates are instants."""
    return pattern in {"epoch-ms", "epoch-s"} or any(part in pattern for part in _ZONE_PARTS)


def _place(wall: pl.Series, instant: pl.Series, zone: ZoneRule, offsets: pl.Series | None) -> pl.Series:
    """Wall-clock and instant milliseconds become what is sent; null where nothing says how."""
    if zone.timezone is not None:
        if wall.null_count() == len(wall):
            return instant
        local = wall.cast(pl.Datetime("ms"))
        true = local.dt.replace_time_zone(zone.timezone, ambiguous="earliest", non_existent="null").dt.epoch("ms")
        return true if instant.null_count() == len(instant) else instant.zip_with(instant.is_not_null(), true)
    if zone.offset_hours is None and offsets is None:
        return instant
    shift = (offsets if offsets is not None else pl.Series([zone.offset_hours or 0], dtype=pl.Int64)) * HOUR
    if zone.instants:
        return instant.zip_with(instant.is_not_null(), wall - shift)
    # The platform shifts what it gets by timezoneGmt: an instant is moved so that the shift brings it back.
    return wall.zip_with(wall.is_not_null(), instant + shift)


def _read(text: pl.Series, formats: Sequence[str]) -> tuple[pl.Series, pl.Series]:
    """Milliseconds of the wall clock (read as GMT-0), and of instants known already; each row has one at most.

    Every pattern is tried on what the patterns before it left over, so that a clean column costs one pass.
    """
    wall = pl.repeat(None, len(text), dtype=pl.Int64, eager=True)
    instant = wall
    left = text.is_not_null()
    suspicious = text.str.contains(_SIXTIETH_SECOND).fill_null(value=False)
    left &= ~suspicious
    for pattern in (*formats, *_iso_patterns(text, formats)):
        remaining = int(left.sum() or 0)
        if not remaining:
            break
        part = text if remaining == len(text) else text.filter(left)
        found = _read_pattern(part, pattern)
        if found.null_count() == len(found):
            continue
        whole = found if remaining == len(text) else spread(found, left)
        is_instant = pattern == _EPOCH_SHAPED or has_zone_part(pattern)
        if is_instant:
            instant = instant.zip_with(instant.is_not_null(), whole)
        else:
            wall = wall.zip_with(wall.is_not_null(), whole)
        left &= whole.is_null()
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
    match pattern:
        case "epoch-ms-shaped":
            return text.zip_with(text.str.contains(_EPOCH_MS), pl.Series([None], dtype=pl.String)).cast(
                pl.Int64, strict=False
            )
        case "epoch-ms":
            return text.cast(pl.Int64, strict=False)
        case "epoch-s":
            return (text.cast(pl.Float64, strict=False) * 1000).round().cast(pl.Int64, strict=False)
        case _ if any(part in pattern for part in _TIME_PARTS):
            return text.str.to_datetime(pattern, strict=False, time_unit="ms").dt.epoch("ms")
        case _:
            return text.str.to_date(pattern, strict=False).cast(pl.Datetime("ms")).dt.epoch("ms")
