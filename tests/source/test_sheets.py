"""Sheets arrive as Excel shows them: rows by their numbers, dates as dates, and no error cell as a blank."""

from __future__ import annotations

import datetime as dt
import gc
import io
import string
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.worksheet import Worksheet
from support.source_reading import read_all

from pango_load.errors import MustBeMended, UsageError
from pango_load.plan import SourceOptions
from pango_load.source.files import open_source
from pango_load.source.formats import RoundedNumbers

if TYPE_CHECKING:
    from collections.abc import Sequence


def new_sheet(title: str = "Data") -> Worksheet:
    sheet = openpyxl.Workbook().active
    assert isinstance(sheet, Worksheet)
    sheet.title = title
    return sheet


def save(sheet: Worksheet, folder: Path, name: str = "a.xlsx") -> Path:
    path = folder / name
    assert sheet.parent is not None
    sheet.parent.save(path)
    return path


def write(folder: Path, rows: Sequence[Sequence[object]]) -> Path:
    sheet = new_sheet()
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row, 1):
            if value is not None:
                sheet.cell(number, column).value = value  # type: ignore[assignment] # no cell is merged here
    return save(sheet, folder)


def test_cells_of_every_kind_become_the_text_that_a_person_means(tmp_path: Path) -> None:
    """Protects ids in number cells, and tells real dates from text by their T."""
    moment = dt.datetime(2024, 3, 1, 10, 5, 6)  # noqa: DTZ001 - Excel knows no zones
    values = [
        (123, "123"),
        (123.0, "123"),
        (1.5, "1.5"),
        (-7, "-7"),
        (123456789012345, "123456789012345"),
        (True, "true"),
        (False, "false"),
        ("00123", "00123"),
        ("12345678901234567890", "12345678901234567890"),
        (moment, "2024-03-01T10:05:06"),
        (dt.date(1990, 2, 28), "1990-02-28T00:00:00"),
        (dt.time(12, 30), "12:30:00"),
        ("1990-02-28 00:00:00", "1990-02-28 00:00:00"),
        ("31/12/1999", "31/12/1999"),
        ("Nguyễn\nThị", "Nguyễn\nThị"),
    ]
    read = read_all(write(tmp_path, [["v", "key"], *([value, "k"] for value, _ in values)]))

    assert [cells[0] for cells in read.cells] == [text for _, text in values]


def test_a_workbook_that_counts_from_1904_gives_the_same_dates(tmp_path: Path) -> None:
    """Protects workbooks of old Macs from being four years off."""
    sheet = new_sheet()
    assert sheet.parent is not None
    sheet.parent.epoch = CALENDAR_MAC_1904
    sheet.append(["day", "key"])
    sheet.append([dt.date(2024, 3, 1), "k"])

    assert read_all(save(sheet, tmp_path)).cells == [("2024-03-01T00:00:00", "k")]


def test_rows_keep_the_numbers_that_excel_shows(tmp_path: Path) -> None:
    """Protects a person who looks up row 9 in Excel: blank rows and a table that starts lower shift nothing."""
    table: list[list[object]] = [
        [None, "a", "b"],
        [None, 1, 2],
        [],
        [],
        [None, None, 3],
        [],
        [None, "", None],
        [None, 4, None],
    ]
    read = read_all(write(tmp_path, [[], *table]))

    assert read.headers == ("a", "b")
    assert read.cells == [("1", "2"), (None, "3"), ("4", None)]
    assert read.rows == [3, 6, 9]


def test_an_error_cell_is_damage_and_no_blank(tmp_path: Path) -> None:
    """Protects against an empty phone where a VLOOKUP failed."""
    read = read_all(write(tmp_path, [["a", "b"], [1, "#N/A"], [2, "x"], ["#REF!", None], [3, "=1+1"]]))

    assert read.codes == {2: "source.error-cell", 4: "source.error-cell", 5: "source.no-value"}
    assert [read.damaged[index].found for index in (0, 2, 3)] == [
        "#N/A in B2",
        "#REF! in A4",
        " in B5",
    ]
    assert read.damaged[0].raw == "1\t#N/A"
    assert read.cells[1] == ("2", "x")


def test_an_error_in_a_column_that_nobody_wants_spoils_no_row(tmp_path: Path) -> None:
    """Protects tables with helper columns."""
    read = read_all(write(tmp_path, [["a", "b"], [1, "#N/A"]]), wanted=["a"])

    assert not read.damaged
    assert read.cells == [("1", None)]


def test_columns_without_header_are_left_out_where_they_are_empty(tmp_path: Path) -> None:
    """Protects tables with a gap or a coloured column beside them."""
    assert read_all(write(tmp_path, [["a", None, "b", ""], [1, None, 2, None]])).headers == ("a", "b")


def test_a_column_with_values_and_no_header_is_an_error_that_names_it(tmp_path: Path) -> None:
    """Protects values that would silently be left behind."""
    with pytest.raises(UsageError, match="column B holds values and has no header"):
        read_all(write(tmp_path, [["a", None, "b"], [1, "x", 2]]))


def test_sheets_are_found_by_name_and_number(tmp_path: Path) -> None:
    """Protects workbooks whose table is not on the first sheet."""
    sheet = new_sheet("Cover")
    sheet.append(["x"])
    assert sheet.parent is not None
    other = sheet.parent.create_sheet("Khách hàng")
    other.append(["a"])
    other.append([1])
    path = save(sheet, tmp_path)

    for wanted in ("Khách hàng", "khách hàng ", "2"):
        assert read_all(path, options=SourceOptions(sheet=wanted)).cells == [("1",)]
    assert open_source([path], SourceOptions()).files[0].notes == ("sheet Cover (1 other sheet not read)",)
    with pytest.raises(UsageError, match='no sheet "Orders"') as stopped:
        open_source([path], SourceOptions(sheet="Orders"))
    assert '1 "Cover", 2 "Khách hàng"' in stopped.value.advice


def test_all_sheets_load_as_one_run(tmp_path: Path) -> None:
    """Protects workbooks with a sheet for each month; empty sheets are passed over."""
    sheet = new_sheet("May")
    assert sheet.parent is not None
    for other in (sheet, sheet.parent.create_sheet("Empty"), sheet.parent.create_sheet("June")):
        if other.title != "Empty":
            other.append(["id", "month"])
            other.append([1, other.title])
    source = open_source([save(sheet, tmp_path)], SourceOptions(sheet="all"))

    assert [file.sheet for file in source.files] == ["May", "June"]
    assert [(chunk.file, chunk.first, chunk.frame.rows()) for chunk in source.read_chunks()] == [
        (0, 0, [("1", "May")]),
        (1, 1, [("1", "June")]),
    ]


def test_a_sheet_whose_xml_is_cut_short_is_told(tmp_path: Path) -> None:
    """Protects the rows behind the cut."""
    whole = write(tmp_path, [["a"], *([number] for number in range(50))])
    cut = tmp_path / "cut.xlsx"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(cut, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content[:1500] if name.endswith("sheet1.xml") else content)

    with pytest.raises(UsageError, match="cannot be opened"):
        read_all(cut)


def test_a_title_above_the_headers_is_asked_about_or_passed_over(tmp_path: Path) -> None:
    """Protects reports with a heading; a mapping that names the columns settles it."""
    path = write(tmp_path, [["Customers of May"], [], ["a", "b", "c"], [1, 2, 3]])

    with pytest.raises(UsageError, match="row 1 looks like a title, and row 3 like") as stopped:
        read_all(path)
    assert "--header-row 3" in stopped.value.advice
    for read in (read_all(path, options=SourceOptions(header_row=3)), read_all(path, wanted=["a", "c"])):
        assert (read.headers, read.rows) == (("a", "b", "c"), [4])


def test_numbers_that_excel_has_rounded_are_said(tmp_path: Path) -> None:
    """Protects long ids: Excel keeps 15 digits of a number, and only text keeps them all."""
    rows: list[list[object]] = [["id"], [123456789012345], [1234567890123456789], ["1234567890123456789"], [1.5e18]]
    path = write(tmp_path, rows)

    for low in (False, True):
        file = open_source([path], SourceOptions(low_memory=low)).files[0]
        assert file.rounded == (RoundedNumbers(column="id", count=2, rows=(3, 5)),)


def test_hidden_rows_and_merged_cells_are_said(tmp_path: Path) -> None:
    """Protects whoever believes that a filter keeps rows from being sent."""
    sheet = new_sheet()
    for row in (["a", "b"], [1, 2], [3, 4], [5, 6]):
        sheet.append(row)
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["B"].hidden = True
    sheet.merge_cells("A4:B4")
    sheet.auto_filter.ref = "A1:B4"
    path = save(sheet, tmp_path)

    assert open_source([path], SourceOptions()).files[0].notes == (
        "sheet Data",
        "1 hidden row, read too; --visible-only leaves them out",
        "hidden column B, read too; --visible-only leaves them out",
        "a filter is set; rows that it hides are read too",
        "1 merged area: only the first cell of each has a value",
    )
    assert read_all(path).rows == [2, 3, 4]
    for low in (False, True):
        visible = read_all(path, options=SourceOptions(visible_only=True, low_memory=low))
        assert (visible.headers, visible.cells, visible.rows) == (("a",), [("1",), ("5",)], [2, 4])


def test_a_damaged_record_that_comes_back_uncorrected_is_damaged_in_the_same_way(tmp_path: Path) -> None:
    """Protects the promise that a reject file loads again: an uncorrected row keeps its reason."""
    rows: list[list[object]] = [
        ["a", "_pango_row", "_pango_code"],
        [None, 7, "source.error-cell"],
        [1, 8, "source.error-cell"],
    ]
    read = read_all(write(tmp_path, rows))

    assert (read.codes, read.cells) == ({2: "source.error-cell"}, [(None,), ("1",)])


def test_low_memory_reads_the_same_as_the_fast_engine(tmp_path: Path) -> None:
    """Protects whoever has a large sheet and a small machine."""
    moment = dt.datetime(2024, 3, 1, 10, 5, 6, 123000)  # noqa: DTZ001 - Excel knows no zones
    rows: list[list[object]] = [
        [None, "a", "b", None, "c"],
        [None, 123, 0.1 + 0.2, None, moment],
        [],
        [None, True, "00123", None, dt.time(12, 30)],
        [None, "#N/A", 1.5, None, None],
        [None, 1e-7, -5.0, None, dt.date(1990, 2, 28)],
        [None, "=1+1", 123456789012345, None, "1990-02-28 00:00:00"],
    ]
    path = write(tmp_path, rows)

    fast, flat = (read_all(path, options=SourceOptions(low_memory=low)) for low in (False, True))
    assert flat == fast
    assert flat.rows == [2, 4, 5, 6, 7]
    assert "read row by row in little memory" in open_source([path], SourceOptions(low_memory=True)).files[0].notes


@pytest.mark.parametrize("member", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "[Content_Types].xml"])
def test_a_broken_workbook_that_is_read_row_by_row_leaves_no_file_open(member: str, tmp_path: Path) -> None:
    """Protects runs of many files from using up what a process may have open, and files on shares from being locked."""
    path = tmp_path / "broken.xlsx"
    with zipfile.ZipFile(write(tmp_path, [["a"], ["1"]])) as whole, zipfile.ZipFile(path, "w") as broken:
        for name in whole.namelist():
            broken.writestr(name, b"<worksheet" if name == member else whole.read(name))

    # The error is kept, and with it whatever its frames left open: which of these the collector meets first is chance.
    with pytest.raises(UsageError) as stopped:
        read_all(path, options=SourceOptions(low_memory=True))
    gc.collect()
    files = [thing for thing in gc.get_objects() if type(thing) is io.BufferedReader and not thing.closed]

    assert path.name in stopped.value.message
    assert [file for file in files if str(file.name) == str(path)] == []


PRINTABLE = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029\ufffe\uffff"),
    max_size=10,
)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 3).flatmap(lambda width: st.lists(st.lists(PRINTABLE, min_size=width, max_size=width), max_size=5))
)
def test_any_table_of_text_written_as_a_sheet_reads_back_cell_for_cell(table: list[list[str]]) -> None:
    """Protects every cell, whatever text it holds; outer white space is kept as Excel keeps it."""
    table = [[cell.strip() for cell in row] for row in table]
    with TemporaryDirectory() as folder:
        sheet = new_sheet()
        sheet.append(list(string.ascii_lowercase[: len(table[0]) if table else 1]))
        for number, row in enumerate(table, 2):
            for column, value in enumerate(row, 1):
                cell = sheet.cell(number, column)
                if value:
                    cell.value = value
                    cell.data_type = "s"
        read = read_all(save(sheet, Path(folder)))

        filled = [(number, row) for number, row in enumerate(table, 2) if any(row)]
        assert read.cells == [tuple(cell or None for cell in row) for _, row in filled]
        assert read.rows == [number for number, _ in filled]


@pytest.mark.parametrize("name", ["a.xls", "a.ods", "a.bin", "a", "~a.xlsx", "\udcff.xlsx"], ids=ascii)
def test_a_workbook_is_known_by_its_content_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    """Protects exports and attachments whose names say something else, or are no text at all."""
    path = write(tmp_path, [["a"], ["1"]]).rename(tmp_path / name)
    assert read_all(path).cells == [("1",)]


def test_a_workbook_that_changes_after_it_was_looked_at_is_not_sent(tmp_path: Path) -> None:
    """Protects the totals: the rows in memory are those of a file that is no longer there."""
    source = open_source([write(tmp_path, [["a"], ["1"]])], SourceOptions())
    write(tmp_path, [["a"], ["2"]])
    with pytest.raises(MustBeMended, match="changed while it was being read"):
        list(source.read_chunks())
