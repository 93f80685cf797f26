"""Parquet arrives as text like everything else."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest
from support.source_reading import read_all

from pango_load.errors import UsageError
from pango_load.plan import SourceOptions
from pango_load.source.files import SourceFormat, open_source

if TYPE_CHECKING:
    from pathlib import Path

UTC = dt.UTC


def test_parquet_values_become_the_text_that_a_person_would_write(tmp_path: Path) -> None:
    """Protects data lakes: nothing becomes 123.0, and dates are told from text by their T."""
    path = tmp_path / "a.parquet"
    pl.DataFrame(
        {
            "id": [1234567890123456789, None],
            "sum": [123.0, 1.5],
            "price": [Decimal("1.10"), None],
            "yes": [True, False],
            "day": [dt.date(1990, 2, 28), None],
            "at": [dt.datetime(2024, 3, 1, 10, 5, 6), None],  # noqa: DTZ001 - a wall clock is meant
            "utc": [dt.datetime(2024, 3, 1, 10, 5, 6, tzinfo=UTC), None],
            "name": ["Nguyễn", ""],
            "place": [{"city": "Huế", "no": 5}, None],
            "tags": [["a", "b"], None],
            "_pango_row": ["1", "2"],
        }
    ).write_parquet(path)
    read = read_all(path)

    assert read.headers == (
        *("id", "sum", "price", "yes", "day", "at", "utc", "name", "place.city", "place.no", "tags"),
    )
    assert read.cells == [
        (
            *("1234567890123456789", "123", "1.10", "true", "1990-02-28T00:00:00", "2024-03-01T10:05:06"),
            *("2024-03-01T10:05:06+00:00", "Nguyễn", "Huế", "5", '["a","b"]'),
        ),
        (None, "1.5", None, "false", None, None, None, None, None, None, None),
    ]
    assert read.rows == [1, 2]
    assert open_source([path], SourceOptions()).files[0].format is SourceFormat.PARQUET


def test_a_broken_parquet_file_is_told(tmp_path: Path) -> None:
    """Protects whoever copies half a file."""
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1" + bytes(100))

    with pytest.raises(UsageError, match="cannot be read as Parquet"):
        open_source([path], SourceOptions())
