"""Moments as a person at this machine reads them: by its own clock, with the zone said."""

from __future__ import annotations

from datetime import UTC, datetime


def local_text(seconds: float) -> str:
    """Seconds since 1970 by this machine's clock: "2026-11-21 10:15:31 UTC+07:00"."""
    when = datetime.fromtimestamp(seconds, UTC).astimezone()
    offset = f"{when:%z}"
    zone = "UTC" if offset in {"+0000", ""} else f"UTC{offset[:3]}:{offset[3:5]}"
    return f"{when:%Y-%m-%d %H:%M:%S} {zone}"


def utc_iso(seconds: float | None) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC, for programs; None stays None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
