"""What LibreOffice writes is read as it was meant; behind `heavy`, and only where `soffice` is installed.

Debian: `apt-get install --no-install-recommends libreoffice-calc`, then
`pytest -m heavy tests/source/test_libreoffice.py`.
"""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from typing import TYPE_CHECKING

import openpyxl
import pytest
from support.source_reading import read_all

from pango_load.plan import SourceOptions
from pango_load.source.files import open_source

if TYPE_CHECKING:
    from pathlib import Path

SOFFICE = shutil.which("soffice")
pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(SOFFICE is None, reason="needs LibreOffice: apt-get install libreoffice-calc"),
]

KINDS = {
    "xlsx": "xlsx",
    "ods": "ods",
    "xls": "xls",
    "utf8": "csv:Text - txt - csv (StarCalc):44,34,76,1",
    "utf16": "csv:Text - txt - csv (StarCalc):9,34,65535,1",
}
"""Folder -> what LibreOffice calls the format; the last two are comma in UTF-8 and tab in UTF-16."""


def convert(source: Path, kind: str, out: Path) -> None:
    """Have LibreOffice write it; a start in a fresh profile now and then ends without a word and without a file."""
    words = [str(SOFFICE), f"-env:UserInstallation=file://{out}-profile", "--headless", "--convert-to", kind]
    for _ in range(3):
        subprocess.run([*words, "--outdir", str(out), str(source)], check=True, capture_output=True, timeout=120)
        if out.exists():
            return
    pytest.fail(f"LibreOffice wrote no {kind}")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one table in every format that LibreOffice writes."""
    folder = tmp_path_factory.mktemp("office")
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Khách hàng"
    sheet.append([])
    sheet.append(["id", "name", "phone", "day", "at", "clock", "sum", "formula", "error"])
    moment = dt.datetime(2024, 3, 1, 10, 5, 6)  # noqa: DTZ001 - a wall clock is meant
    sheet.append(["007", "Nguyễn\nAn", 912345678, dt.date(1990, 2, 28), moment, dt.time(12, 30), 1.5, "=G3*2", None])
    sheet.append([123, " Trần  Bình", "0912345678", "31/12/1999", None, None, 123456789012345, '="a"&"b"', None])
    sheet.append([])
    sheet.append(["12345678901234567890", "Lê", None, None, None, None, None, None, "=NA()"])
    sheet.cell(3, 3).number_format = "0000000000"
    sheet.cell(3, 4).number_format = "dd/mm/yyyy"
    sheet.row_dimensions[4].hidden = True
    book.save(folder / "source.xlsx")
    for out, kind in KINDS.items():
        convert(folder / "source.xlsx", kind, folder / out)
    return folder


@pytest.mark.parametrize(
    ("name", "low_memory"),
    [("xlsx/source.xlsx", False), ("xlsx/source.xlsx", True), ("ods/source.ods", False), ("xls/source.xls", False)],
    ids=["xlsx", "xlsx in little memory", "ods", "xls"],
)
def test_a_workbook_of_libreoffice_is_read_as_it_was_meant(name: str, low_memory: bool, written: Path) -> None:
    """Protects everyone who does not use Excel."""
    read = read_all(written / name, options=SourceOptions(low_memory=low_memory))

    assert read.headers == ("id", "name", "phone", "day", "at", "clock", "sum", "formula", "error")
    assert read.rows == [3, 4, 6]
    assert read.cells[:2] == [
        (
            *("007", "Nguyễn\nAn", "0912345678", "1990-02-28T00:00:00", "2024-03-01T10:05:06", "12:30:00"),
            *("1.5", "3", None),
        ),
        ("123", " Trần  Bình", "0912345678", "31/12/1999", None, None, "123456789012345", "ab", None),
    ]
    assert dict.fromkeys(read.codes, read.damaged[2].found) == {6: "#N/A in I6"}
    notes = open_source([written / name], SourceOptions()).files[0].notes
    assert "1 hidden row, read too; --visible-only leaves them out" in notes


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("utf8/source.csv", "utf-8"), ("utf16/source.csv", "utf-16-le")],
    ids=["comma", "tab, UTF-16"],
)
def test_a_csv_of_libreoffice_is_read_cell_for_cell(name: str, encoding: str, written: Path) -> None:
    """Protects row numbers and lines inside cells."""
    read = read_all(written / name)

    assert open_source([written / name], SourceOptions()).files[0].encoding == encoding
    assert read.headers[:3] == ("id", "name", "phone")
    assert [cells[:3] for cells in read.cells] == [
        ("007", "Nguyễn\nAn", "0912345678"),
        ("123", " Trần  Bình", "0912345678"),
        (None, None, None),
        ("12345678901234567890", "Lê", None),
    ]
