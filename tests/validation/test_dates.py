"""What a date becomes, in the three ways of design section 4."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pango_load.records import ZoneRule
from pango_load.validation.dates import EARLIEST, LATEST, Moments, read_moments

HO_CHI_MINH = ZoneRule(timezone="Asia/Ho_Chi_Minh")
LITERAL = ZoneRule(offset_hours=7)
INSTANT = ZoneRule(offset_hours=7, instants=True)

DOB_OF_THE_DOCUMENTS = 582_310_800_000
"""seed 003, example of dob: 1988-06-15 at midnight in Viet Nam."""


def read(cell: str, zone: ZoneRule = HO_CHI_MINH, *formats: str) -> int | None:
    sent = read_moments(pl.Series([cell]), formats, zone).sent[0]
    assert sent is None or isinstance(sent, int)
    return sent


def troubles(cell: str, zone: ZoneRule = HO_CHI_MINH, *formats: str) -> list[str]:
    moments = read_moments(pl.Series([cell]), formats, zone)
    return [name for name in ("unreadable", "outside", "skipped", "unplaced") if getattr(moments, name)[0]]


@pytest.mark.parametrize(
    ("zone", "sent"),
    [
        pytest.param(HO_CHI_MINH, DOB_OF_THE_DOCUMENTS, id="timezone: true UTC"),
        pytest.param(LITERAL, DOB_OF_THE_DOCUMENTS + 7 * 3_600_000, id="timezoneGmt: the wall clock read as GMT-0"),
        pytest.param(INSTANT, DOB_OF_THE_DOCUMENTS, id="timezoneGmt with instants: the documents' own example"),
    ],
)
@pytest.mark.parametrize(
    "cell",
    [
        pytest.param("1988-06-15", id="ISO date"),
        pytest.param("1988-06-15T00:00:00", id="a real Excel date"),
        pytest.param("15/06/1988", id="by its format"),
        pytest.param("1988-06-14T17:00:00Z", id="an instant in UTC"),
        pytest.param("1988-06-15T00:00:00+07:00", id="an instant with its offset"),
        pytest.param("582310800000", id="epoch milliseconds"),
    ],
)
def test_one_moment_is_sent_alike_however_it_is_written(cell: str, zone: ZoneRule, sent: int) -> None:
    """Protects birthdays from moving by a day: nothing is shifted twice."""
    assert read(cell, zone, "%d/%m/%Y") == sent


@given(
    st.datetimes(datetime(1900, 1, 2), datetime(2099, 12, 30)),  # noqa: DTZ001 - wall clocks are meant
    st.sampled_from(["Asia/Ho_Chi_Minh", "America/New_York", "Europe/London", "Australia/Lord_Howe", "UTC"]),
)
def test_every_wall_clock_time_becomes_the_instant_that_python_gives(wall: datetime, zone: str) -> None:
    """Protects against daylight saving, with the standard library as oracle."""
    wall = wall.replace(microsecond=wall.microsecond // 1000 * 1000, fold=0)
    aware = wall.replace(tzinfo=ZoneInfo(zone))
    exists = aware.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall
    cell = wall.isoformat(sep=" ", timespec="milliseconds")
    moments = read_moments(pl.Series([cell]), (), ZoneRule(timezone=zone))
    if exists:
        expected = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        assert moments.sent.to_list() == [expected]
    else:
        assert moments.skipped.to_list() == [True]


@pytest.mark.parametrize(
    ("cell", "trouble"),
    [
        pytest.param("31/02/1990", "unreadable", id="a day that the calendar lacks"),
        pytest.param("20240131", "unreadable", id="eight digits are not guessed"),
        pytest.param("1584507164", "unreadable", id="seconds are not guessed"),
        pytest.param("01/02/90", "outside", id="year 90"),
        pytest.param("0090-01-01", "outside", id="year 90 in ISO form"),
        pytest.param("2024-01-01 10:00:60", "unreadable", id="a sixtieth second"),
        pytest.param("2024-13-01", "unreadable", id="a thirteenth month"),
        pytest.param("hôm qua", "unreadable", id="words"),
        pytest.param("15/06/1988 sáng", "unreadable", id="something behind the date"),
    ],
)
def test_what_is_no_date_is_said_to_be_none(cell: str, trouble: str) -> None:
    """Protects whoever would otherwise find customers born in the year 90."""
    assert troubles(cell, HO_CHI_MINH, "%d/%m/%Y") == [trouble]
    assert read(cell, HO_CHI_MINH, "%d/%m/%Y") is None


def test_a_wall_clock_time_without_any_zone_is_not_placed() -> None:
    """Protects from silently being GMT-0."""
    assert troubles("2024-01-01 10:00", ZoneRule()) == ["unplaced"]
    assert troubles("2024-01-01T10:00:00Z", ZoneRule()) == []


def test_a_time_that_the_clock_skipped_is_found() -> None:
    """Protects zones with daylight saving."""
    assert troubles("2024-03-10 02:30:00", ZoneRule(timezone="America/New_York")) == ["skipped"]


def test_hours_may_differ_row_by_row() -> None:
    """Protects files whose `timezoneGmt` is a column."""
    text = pl.Series(["2024-01-01 10:00", "2024-01-01 10:00", "2024-01-01 10:00", "2024-01-01T10:00:00Z"])
    hours = pl.Series([7, 0, None, None], dtype=pl.Int64)
    base = 1_704_103_200_000
    placed = read_moments(text, (), ZoneRule(column="tz", instants=True), hours)
    assert placed.sent.to_list() == [base - 7 * 3_600_000, base, None, base]
    assert placed.unplaced.to_list() == [False, False, True, False]


@given(
    st.lists(st.sampled_from(["1988-06-15", "15/06/1988", "2024-01-01 08:00", "x", None, "582310800000"]), max_size=9)
)
def test_a_column_of_mixed_forms_reads_like_each_cell_alone(cells: list[str | None]) -> None:
    """Protects the quick way: trying patterns on what is left over never changes a cell's meaning."""
    formats = ("%d/%m/%Y",)

    def alone(cell: str | None) -> Moments:
        return read_moments(pl.Series([cell], dtype=pl.String), formats, HO_CHI_MINH)

    together = read_moments(pl.Series(cells, dtype=pl.String), formats, HO_CHI_MINH)
    assert together.sent.to_list() == [alone(cell).sent[0] for cell in cells]
    assert together.unreadable.to_list() == [alone(cell).unreadable[0] for cell in cells]


def test_the_range_is_1900_to_2099() -> None:
    """Protects the bounds themselves."""
    assert datetime.fromtimestamp(EARLIEST / 1000, UTC).isoformat() == "1900-01-01T00:00:00+00:00"
    assert datetime.fromtimestamp(LATEST / 1000, UTC).isoformat() == "2100-01-01T00:00:00+00:00"
