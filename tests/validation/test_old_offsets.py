"""Which dates move by a day when they are shown by today's clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pango_load.validation.old_offsets import moved_since

VIET_NAM = ZoneInfo("Asia/Ho_Chi_Minh")


def midnight(day: date) -> int:
    return int(datetime.combine(day, time(), VIET_NAM).timestamp()) * 1000


@given(st.dates(date(1901, 1, 1), date(2060, 1, 1)))
def test_a_birthday_moves_just_when_the_clock_stood_otherwise(day: date) -> None:
    """Protects customers born before June 1975, when Viet Nam's south was 8 hours ahead of Greenwich."""
    instant = midnight(day)
    shown = datetime.fromtimestamp(instant / 1000, UTC).astimezone(ZoneInfo("Etc/GMT-7"))
    found = moved_since(pl.Series([instant]), "Asia/Ho_Chi_Minh")
    if found is not None:
        assert (shown.date(), shown.time()) != (day, time())


@given(st.integers(-2_208_988_800, 4_102_444_800))
def test_the_zone_that_is_advised_is_viet_nams_clock_since_june_1975(seconds: int) -> None:
    """Protects whoever follows the advice: Etc/GMT-7 changes old dates alone, and leaves no date with another clock."""
    instant = datetime.fromtimestamp(seconds, UTC)
    advised = instant.astimezone(ZoneInfo("Etc/GMT-7"))
    assert advised.utcoffset() == timedelta(hours=7)
    if instant >= datetime(1975, 6, 12, 16, tzinfo=UTC):
        assert instant.astimezone(VIET_NAM).replace(tzinfo=None) == advised.replace(tzinfo=None)


def test_the_example_that_somebody_met() -> None:
    """Protects the case itself."""
    instants = pl.Series([midnight(date(1974, 7, 11)), midnight(date(1988, 6, 15)), None])
    found = moved_since(instants, "Asia/Ho_Chi_Minh")
    assert found is not None
    assert found.to_list() == [True, False, False]


@pytest.mark.parametrize("zone", ["UTC", "Etc/GMT-7", "America/New_York", None])
def test_zones_without_another_past_or_with_a_changing_present_are_left_alone(zone: str | None) -> None:
    """Protects from a warning on every summer day."""
    assert moved_since(pl.Series([midnight(date(1974, 7, 11))]), zone) is None
