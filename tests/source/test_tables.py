"""What Excel itself says of a sheet is believed: its named tables, and the zeros that a number format shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import xlsxwriter  # type: ignore[import-untyped] # no stubs exist
from support.source_reading import read_all

from pango_load.errors import UsageError
from pango_load.plan import SourceOptions
from pango_load.source.files import open_source
from pango_load.source.number_formats import shown_digits

if TYPE_CHECKING:
    from pathlib import Path

BOTH = pytest.mark.parametrize("low", [False, True], ids=["fast", "in little memory"])


def report(folder: Path) -> Path:
    """A title, a table with totals, a note below, and a second sheet with two tables."""
    path = folder / "a.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Report")
    sheet.write("B1", "Customers of May")
    sheet.write("B2", "all shops")
    headers = [
        {"header": "id", "total_string": "Total"},
        {"header": "name"},
        {"header": "sum", "total_function": "sum"},
    ]
    rows = [["007", "An", 1], ["008", "Bình", 2]]
    sheet.add_table("B4:D7", {"name": "Customers", "data": rows, "columns": headers, "total_row": True})
    sheet.write("B9", "009")
    other = book.add_worksheet("Two")
    other.add_table("A1:B2", {"name": "Left", "data": [["1", "2"]], "columns": [{"header": "a"}, {"header": "b"}]})
    other.add_table("D3:E4", {"name": "Right", "data": [["3", "4"]], "columns": [{"header": "c"}, {"header": "d"}]})
    book.close()
    return path


@BOTH
def test_the_only_table_of_a_sheet_gives_the_headers(low: bool, tmp_path: Path) -> None:
    """Protects reports with a title, which need no --header-row, and the platform from a row of totals."""
    path = report(tmp_path)
    read = read_all(path, options=SourceOptions(low_memory=low))

    assert read.headers == ("id", "name", "sum")
    assert dict(zip(read.rows, read.cells, strict=True)) == {
        5: ("007", "An", "1"),
        6: ("008", "Bình", "2"),
        9: ("009", None, None),
    }
    assert open_source([path], SourceOptions(low_memory=low)).files[0].notes[:3] == (
        "sheet Report (1 other sheet not read)",
        'table "Customers" in B4:D7 gives the headers; --sheet Customers reads it alone',
        "row 7, the table's row of totals, is left out",
    )


@BOTH
def test_a_table_is_read_alone_when_it_is_named(low: bool, tmp_path: Path) -> None:
    """Protects sheets with more on them than the table."""
    path = report(tmp_path)

    customers = read_all(path, options=SourceOptions(low_memory=low, sheet="customers"))
    assert (customers.headers, customers.rows) == (("id", "name", "sum"), [5, 6])
    right = read_all(path, options=SourceOptions(low_memory=low, sheet="Right"))
    assert (right.headers, right.cells, right.rows) == (("c", "d"), [("3", "4")], [4])
    if low:
        notes = open_source([path], SourceOptions(low_memory=low, sheet="Two")).files[0].notes
        assert 'table "Right" in D3:E4: --sheet Right reads it alone' in notes
    else:
        with pytest.raises(UsageError, match="column D, E holds values") as stopped:
            read_all(path, options=SourceOptions(sheet="Two"))
        assert stopped.value.advice.endswith(", or --sheet Left, or --sheet Right.")
    with pytest.raises(UsageError, match='no sheet "Orders"') as stopped:
        read_all(path, options=SourceOptions(low_memory=low, sheet="Orders"))
    assert stopped.value.advice.endswith("or a table: Customers, Left, Right.")


@BOTH
def test_a_table_beside_the_rows_does_not_take_their_headers(low: bool, tmp_path: Path) -> None:
    """Protects the rows above a small table of notes."""
    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    for number in range(6):
        sheet.write_row(number, 0, ["id", "name", "city"] if number == 0 else [str(number), "An", "Huế"])
    sheet.write("E1", "x")
    sheet.write("F1", "y")
    sheet.add_table("E4:F5", {"name": "Notes", "data": [["1", "2"]], "columns": [{"header": "k"}, {"header": "v"}]})
    book.close()
    read = read_all(path, options=SourceOptions(low_memory=low))

    assert read.headers == ("id", "name", "city", "x", "y")
    assert read.rows == [2, 3, 4, 5, 6]


@BOTH
@pytest.mark.parametrize("kind", ["hidden", "very hidden", "chart"])
def test_a_first_sheet_that_nobody_sees_is_passed_over(kind: str, low: bool, tmp_path: Path) -> None:
    """Protects workbooks whose first sheet is a hidden list of words or a chart."""
    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(path)
    first = book.add_chartsheet("First") if kind == "chart" else book.add_worksheet("First")
    sheet = book.add_worksheet("Data")
    sheet.write_row(0, 0, ["id", "sum"])
    sheet.write_row(1, 0, ["1", 2])
    if kind == "chart":
        chart = book.add_chart({"type": "bar"})
        chart.add_series({"values": "=Data!$B$2:$B$2"})
        first.set_chart(chart)
    else:
        first.write("A1", "word")
        first.hide() if kind == "hidden" else first.very_hidden()
        sheet.activate()
    book.close()

    assert read_all(path, options=SourceOptions(low_memory=low)).cells == [("1", "2")]
    assert open_source([path], SourceOptions(low_memory=low)).files[0].notes[:2] == (
        "sheet Data (1 other sheet not read)",
        "sheet First is hidden or holds no cells, and is passed over; --sheet names another",
    )
    if kind != "chart":
        assert read_all(path, options=SourceOptions(low_memory=low, sheet="First")).headers == ("word",)
    assert read_all(path, options=SourceOptions(low_memory=low, sheet="all")).headers == ("id", "sum")
    every = open_source([path], SourceOptions(low_memory=low, sheet="all")).files[0].notes
    assert ("hidden and passed over: First; --sheet reads one by its name" in every) == (kind != "chart")


def test_a_cell_far_away_does_not_take_all_memory(tmp_path: Path) -> None:
    """Protects the machine: the grid up to such a cell would be hundreds of gigabytes."""
    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Data")
    sheet.write_row(0, 0, ["id", "sum"])
    sheet.write_row(1, 0, ["1", 2])
    sheet.write("XFD20000", "x")
    book.close()

    assert read_all(path).codes == {20_000: "source.too-many-cells"}
    assert (
        open_source([path], SourceOptions()).files[0].notes[-1]
        == "a cell far from the others makes the sheet vast: read row by row"
    )


@BOTH
def test_numbers_keep_the_zeros_that_their_format_shows(low: bool, tmp_path: Path) -> None:
    """Protects phones that Excel shows as 0912345678 and keeps as 912345678."""
    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    ten, five, plain = (book.add_format({"num_format": code}) for code in ("0000000000", "00000", "#,##0"))
    sheet.write_row(0, 0, ["phone", "zip", "sum"])
    for row, (phone, code, amount) in enumerate([(912345678, 7, 1000), (84912345678, 123456, 7), (0, 1, 0)], 1):
        sheet.write_number(row, 0, phone, ten)
        sheet.write_number(row, 1, code, five)
        sheet.write_number(row, 2, amount, plain)
    sheet.write_string(4, 0, "12", ten)
    sheet.write_number(5, 0, -5, ten)
    sheet.write_number(6, 0, 1.5, ten)
    sheet.write_blank(7, 0, None, ten)
    sheet.write_number(7, 2, 1)
    book.close()

    assert read_all(path, options=SourceOptions(low_memory=low)).cells == [
        ("0912345678", "00007", "1000"),
        ("84912345678", "123456", "7"),
        ("0000000000", "00001", "0"),
        ("12", None, None),
        ("-5", None, None),
        ("1.5", None, None),
        (None, None, "1"),
    ]
    notes = open_source([path], SourceOptions(low_memory=low)).files[0].notes
    assert "columns A, B: numbers with the leading zeros that their format shows" in notes


@pytest.mark.parametrize(
    ("code", "digits"),
    [
        ("0000000000", 10),
        ("0#########", 10),
        ("0000 000 000", 10),
        ("0000-000-000", 10),
        ("[<=9999999]000-0000;(000) 000-0000", 7),
        ('"KH"00000', 5),
        ("General", 0),
        ("0", 0),
        ("0.00", 0),
        ("#,##0", 0),
        ("dd/mm/yyyy", 0),
        ("0.00E+00", 0),
        ("@", 0),
        ("0%", 0),
    ],
)
def test_a_format_of_zeros_tells_how_many_digits_it_shows(code: str, digits: int) -> None:
    """Protects plain numbers from zeros that nobody sees."""
    assert shown_digits(code) == digits
