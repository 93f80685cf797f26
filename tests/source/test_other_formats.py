"""Parquet and OpenDocument arrive as text like everything else."""

from __future__ import annotations

import datetime as dt
import zipfile
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


OFFICE = "urn:oasis:names:tc:opendocument:xmlns:"
ODS = f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="{OFFICE}office:1.0" xmlns:table="{OFFICE}table:1.0" xmlns:text="{OFFICE}text:1.0"
 office:version="1.2"><office:body><office:spreadsheet><table:table table:name="Khách hàng">
<table:table-row><table:table-cell office:value-type="string"><text:p>id</text:p></table:table-cell>
<table:table-cell office:value-type="string"><text:p>name</text:p></table:table-cell></table:table-row>
<table:table-row><table:table-cell office:value-type="float" office:value="123"><text:p>123</text:p></table:table-cell>
<table:table-cell office:value-type="string"><text:p>Nguyễn</text:p></table:table-cell></table:table-row>
</table:table></office:spreadsheet></office:body></office:document-content>""".replace("\n", " ").replace("> <", "><")


def test_an_open_document_sheet_is_read_and_its_limits_are_said(tmp_path: Path) -> None:
    """Protects LibreOffice users, who must know that error cells cannot be seen there."""
    path = tmp_path / "a.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", ODS)
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        )
    read = read_all(path)

    assert (read.headers, read.cells, read.rows) == (("id", "name"), [("123", "Nguyễn")], [2])
    notes = open_source([path], SourceOptions()).files[0].notes
    assert notes[0] == "sheet Khách hàng"
    assert "cannot be seen" in notes[1]
