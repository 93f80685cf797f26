"""A workbook of rejected rows can be worked in at once, and loads again as it is."""

from __future__ import annotations

import random
import re
import resource
import stat
import zipfile
from datetime import datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import fastexcel
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.utils import get_column_letter
from support.report_rows import a_chunk, a_problem

from pango_load.records import ROW_MARKS
from pango_load.report.edited_files import WRITTEN_FILE
from pango_load.report.row_files import open_row_file
from pango_load.report.row_xlsx import XlsxRowFile, sheet_title
from pango_load.report.sheet_rows import column_names, real_date, text_cell

if TYPE_CHECKING:
    from pathlib import Path

    from pango_load.records import Problem

HEADERS = ("Customer Code", "Birthday", "Last visit")
ROW = ("000123", "31/02/1990", "2026-11-21T02:24:26")


def workbook_of(folder: Path, rows: list[tuple[str | None, ...]], problems: list[Problem]) -> Path:
    """`rejected.xlsx` with `rows` under our three headers, all of them with the same problems."""
    row_file = open_row_file(folder, "rejected", format="xlsx", headers=HEADERS)
    chunk = a_chunk(HEADERS, rows)
    for index in range(len(rows)):
        row_file.write(chunk, index, problems)
    path = row_file.close()
    assert path is not None
    return path


def text_in(cell: str) -> str:
    """What an XML parser finds in a cell."""
    return "".join(ET.fromstring(cell).itertext())  # noqa: S314 - our own XML


def test_the_first_sheet_holds_the_rows_and_the_second_the_counts(tmp_path: Path) -> None:
    """What is read without --sheet must be the rows, or the corrected file would load its counts."""
    path = workbook_of(tmp_path, [ROW, ROW], [a_problem(), a_problem("phone.shape", field="phone", column="")])
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Rejected", "Problems"]
    assert [[cell.value for cell in row] for row in book["Problems"]] == [
        ["Problem", "Field", "Rows", "What it is"],
        ["date.format", "dob", 2, "not a date"],
        ["phone.shape", "phone", 2, "refused by Pango"],
    ]
    assert [cell.value for cell in book["Rejected"][1]] == [*HEADERS, *ROW_MARKS]
    assert [cell.value for cell in book["Rejected"][2]][3:6] == ["2", "date.format; phone.shape", "dob; phone"]


def test_a_guilty_cell_is_coloured_and_says_why(tmp_path: Path) -> None:
    """Who mends the file sees where to look."""
    path = workbook_of(tmp_path, [ROW], [a_problem()])
    innocent, guilty, *_ = openpyxl.load_workbook(path)["Rejected"][2]
    assert (guilty.value, guilty.fill.start_color.rgb) == ("31/02/1990", "FFFFC7CE")
    assert guilty.comment is not None
    assert guilty.comment.text == 'dob: "31/02/1990" is not a date.\nWrite 28/02/1990.'
    assert innocent.comment is None
    assert innocent.fill.fill_type is None


def test_an_empty_guilty_cell_is_coloured_too(tmp_path: Path) -> None:
    """A missing value is mended where it is missing."""
    path = workbook_of(tmp_path, [("1", None, None)], [a_problem("field.required", value=None)])
    assert openpyxl.load_workbook(path)["Rejected"]["B2"].fill.start_color.rgb == "FFFFC7CE"


def test_cells_are_text_but_for_real_dates(tmp_path: Path) -> None:
    """A number typed into a cell keeps its leading zeros; a date stays a date that can be sorted."""
    path = workbook_of(tmp_path, [ROW], [a_problem()])
    code, birthday, visit, *_ = openpyxl.load_workbook(path)["Rejected"][2]
    assert (code.number_format, code.data_type, code.value) == ("@", "s", "000123")
    assert birthday.number_format == "@"
    assert visit.number_format == "yyyy-mm-dd hh:mm:ss"
    assert visit.value == datetime(2026, 11, 21, 2, 24, 26)  # noqa: DTZ001 - a workbook's dates have no zone


@pytest.mark.parametrize(
    "text",
    ["2026-02-30T00:00:00", "2026-11-21", "2026-11-21 02:24:26", "2026-11-21T02:24:26Z", "1899-12-31T00:00:00"],
)
def test_what_is_no_certain_date_stays_text(text: str) -> None:
    """A cell that only looks like a date is the person's own."""
    assert real_date(text) is None


def test_the_header_stays_in_sight_and_columns_are_wide_enough(tmp_path: Path) -> None:
    """The file can be worked in without being arranged first."""
    path = workbook_of(tmp_path, [("x" * 30, "y" * 300, None)], [a_problem()])
    sheet = openpyxl.load_workbook(path)["Rejected"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:H2"
    # What stands in the file has 0.71 of a letter around each cell added.
    assert [round(sheet.column_dimensions[letter].width - 0.71) for letter in "ABC"] == [33, 48, 13]


def test_nothing_in_a_workbook_is_ever_a_formula_or_an_error(tmp_path: Path) -> None:
    """Who opens the file must not run what somebody typed into a form."""
    evil = "=HYPERLINK(1)"
    path = workbook_of(tmp_path, [(evil, "#N/A", "+1")], [a_problem(evil, field=evil, message=evil, hint=evil)])
    for row in openpyxl.load_workbook(path)["Rejected"]:
        assert {cell.data_type for cell in row} <= {"s", "n"}
        assert not any(cell.value == 0 for cell in row)


def test_a_workbook_is_for_its_owner_only_and_leaves_no_half(tmp_path: Path) -> None:
    """Other users of the machine must not read customers."""
    path = workbook_of(tmp_path, [ROW], [a_problem()])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(tmp_path.iterdir()) == {path, tmp_path / WRITTEN_FILE}
    assert stat.S_IMODE((tmp_path / WRITTEN_FILE).stat().st_mode) == 0o600


def test_rows_beyond_a_sheet_go_into_further_files(tmp_path: Path) -> None:
    """A sheet has 1,048,576 rows, and a load may have more."""
    row_file = XlsxRowFile(tmp_path, "unsent", ("a",), rows_in_file=2)
    chunk = a_chunk(("a",), [(str(number),) for number in range(5)])
    for index in range(5):
        row_file.write(chunk, index, [])
    assert row_file.close() == tmp_path / "unsent.xlsx"
    assert [path.name for path in row_file.paths] == ["unsent.xlsx", "unsent-2.xlsx", "unsent-3.xlsx"]
    books = [openpyxl.load_workbook(path)["Unsent"] for path in row_file.paths]
    assert [[cell.value for cell in book["A"]] for book in books] == [["a", "0", "1"], ["a", "2", "3"], ["a", "4"]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.lists(
            st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"), max_size=8)
            | st.sampled_from(["_x0041_", "__x000D_", " ", "\t \n", "\r\n", "=1", "'", "a&b", "<b>", "&lt;"]),
            min_size=3,
            max_size=3,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_text_comes_back_from_a_workbook(tmp_path: Path, rows: list[list[str]]) -> None:
    """Mending one cell must not change another, whatever letters it holds."""
    path = workbook_of(tmp_path, [tuple(cell or None for cell in row) for row in rows], [])
    sheet = fastexcel.read_excel(path).load_sheet(0, header_row=None, dtypes="string").to_polars()
    assert sheet.columns[3:] != []
    assert [[cell or "" for cell in row[:3]] for row in sheet.rows()[1:]] == rows


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_cell_of_text_reads_back_to_the_text(text: str) -> None:
    """The spelling of the workbook format (`_xHHHH_`) is one to one, and no letter breaks the XML."""
    spelled = text_in(text_cell("A1", 2, text))
    assert not re.search("[\x00-\x08\x0b-\x1f\ufffe\uffff]", spelled)
    assert re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), spelled) == text


def test_a_cell_holds_as_much_as_a_spreadsheet_takes() -> None:
    """One letter more, and the whole file would be called damaged."""
    assert len(text_in(text_cell("A1", 2, "x" * 40_000))) == 32_767
    assert len(text_in(text_cell("A1", 2, "😀" * 20_000))) == 16_383


def test_a_cell_that_is_too_long_is_cut_in_a_file_too(tmp_path: Path) -> None:
    """Also where nothing else in its column needs a look."""
    path = workbook_of(tmp_path, [("x" * 40_000, None, None)], [])
    assert openpyxl.load_workbook(path)["Rejected"]["A2"].value == "x" * 32_767


def test_the_first_ten_thousand_rows_have_comments(tmp_path: Path) -> None:
    """Spreadsheets draw every comment when a file is opened, and stand still with more."""
    path = workbook_of(tmp_path, [ROW] * 10_003, [a_problem()])
    with zipfile.ZipFile(path) as archive:
        assert archive.read("xl/comments1.xml").count(b"<comment ") == 10_000


def test_columns_are_named_as_spreadsheets_name_them() -> None:
    """A cell under a wrong name would stand in another column."""
    assert list(column_names(800)) == [get_column_letter(number) for number in range(1, 801)]


def test_a_sheet_that_has_become_large_goes_on_in_a_further_file(tmp_path: Path) -> None:
    """From 2 GiB on, Excel would offer to repair the file."""
    row_file = XlsxRowFile(tmp_path, "unsent", ("a",), bytes_in_file=1000)
    chunk = a_chunk(("a",), [("x" * 500,), ("b",), ("c",)])
    for index in range(3):
        row_file.write(chunk, index, [])
        row_file.flush()
    row_file.close()
    books = [openpyxl.load_workbook(path)["Unsent"] for path in row_file.paths]
    assert [[cell.value for cell in book["A"]] for book in books] == [["a", "x" * 500], ["a", "b", "c"]]


def test_the_sheet_of_rows_may_be_called_like_the_sheet_of_counts(tmp_path: Path) -> None:
    """A sheet's title is the source's own, and no two may have the same."""
    row_file = open_row_file(tmp_path, "rejected", format="xlsx", headers=HEADERS, sheet="problems")
    row_file.write(a_chunk(HEADERS, [ROW]), 0, [a_problem()])
    path = row_file.close()
    assert path is not None
    assert openpyxl.load_workbook(path).sheetnames == ["problems", "Problems 2"]


def test_a_workbook_that_the_disk_has_no_room_for_leaves_nothing(tmp_path: Path) -> None:
    """Half a workbook opens nowhere, and what stood there before is still true."""
    (tmp_path / "rejected.xlsx").write_bytes(b"older")
    row_file = open_row_file(tmp_path, "rejected", format="xlsx", headers=("a",))
    chunk = a_chunk(("a",), [(random.Random(number).randbytes(4000).hex(),) for number in range(20)])
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, usual[1]))
    try:
        for index in range(20):
            row_file.write(chunk, index, [])
        with pytest.raises(OSError, match="File too large"):
            row_file.complete()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert row_file.close() is None
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"older"]


def test_a_workbook_is_told_to_be_one_by_its_first_bytes(tmp_path: Path) -> None:
    """Mail programs and `file` look at the first members of the archive, not at the name."""
    with zipfile.ZipFile(workbook_of(tmp_path, [ROW], [a_problem()])) as archive:
        assert archive.namelist()[:3] == ["_rels/.rels", "docProps/core.xml", "xl/theme/theme1.xml"]
        assert archive.testzip() is None


@pytest.mark.parametrize(
    ("asked", "given_"),
    [
        ("Customers", "Customers"),
        ("a/b:c*[d]", "a_b_c__d_"),
        ("x" * 40, "x" * 31),
        ("😀" * 20, "😀" * 15),
        ("''", "Rows"),
    ],
)
def test_a_sheets_title_is_one_that_workbooks_take(asked: str, given_: str) -> None:
    """A title that is refused would cost the whole file."""
    assert sheet_title(asked) == given_


def test_a_row_is_as_high_as_its_sentences_need(tmp_path: Path) -> None:
    """Not every program reckons heights, and sentences must not lie over each other."""
    row_file = open_row_file(tmp_path, "rejected", format="xlsx", headers=HEADERS)
    chunk = a_chunk(HEADERS, [ROW, ROW, ("a\nb\nc", None, None)])
    row_file.write(chunk, 0, [a_problem()])
    row_file.write(chunk, 1, [a_problem(), a_problem(message="x" * 100)])
    row_file.write(chunk, 2, [a_problem()])
    path = row_file.close()
    assert path is not None
    sheet = openpyxl.load_workbook(path)["Rejected"]
    assert [sheet.row_dimensions[number].height for number in (2, 3, 4)] == [None, 45, 45]
