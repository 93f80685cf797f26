"""Old workbooks and OpenDocument sheets tell as much as others: errors, hidden rows, formats and row numbers."""

from __future__ import annotations

import datetime as dt
import zipfile
from typing import TYPE_CHECKING

import pytest
import xlwt  # type: ignore[import-untyped] # no stubs exist
from support.source_reading import read_all

from pango_load.errors import UsageError
from pango_load.plan import SourceOptions
from pango_load.source.files import open_source
from pango_load.source.formats import RoundedNumbers

if TYPE_CHECKING:
    from pathlib import Path

NS = "urn:oasis:names:tc:opendocument:xmlns:"
HEAD = f"""<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="{NS}office:1.0"
 xmlns:table="{NS}table:1.0" xmlns:text="{NS}text:1.0" office:version="1.2"
 xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"><office:body><office:spreadsheet>"""
FOOT = "</office:spreadsheet></office:body></office:document-content>"


def text(value: str, more: str = "") -> str:
    return f'<table:table-cell office:value-type="string" {more}><text:p>{value}</text:p></table:table-cell>'


def typed(kind: str, value: str, shown: str = "", more: str = "") -> str:
    name = "value" if kind == "float" else f"{kind}-value"
    return (
        f'<table:table-cell office:value-type="{kind}" office:{name}="{value}" {more}>'
        f"<text:p>{shown or value}</text:p></table:table-cell>"
    )


def row(*cells: str, more: str = "") -> str:
    return f"<table:table-row {more}>{''.join(cells)}</table:table-row>"


def ods(folder: Path, *tables: str, manifest: str = "") -> Path:
    path = folder / "a.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", HEAD + "".join(tables) + FOOT)
        archive.writestr("META-INF/manifest.xml", f"<manifest>{manifest}</manifest>")
    return path


def table(*rows: str, name: str = "Khách hàng", columns: str = "") -> str:
    return f'<table:table table:name="{name}">{columns}{"".join(rows)}</table:table>'


CELLS = {
    "text": (text("Nguyễn"), "Nguyễn"),
    "digits as text": (text("0012345678901234567890"), "0012345678901234567890"),
    "lines, tabs and spaces": (
        text('a<text:s text:c="2"/>b<text:tab/>c</text:p><text:p><text:span>d</text:span>e'),
        "a  b\tc\nde",
    ),
    "a comment is no text": (
        text("An").replace("<text:p>", "<office:annotation><text:p>check!</text:p></office:annotation><text:p>"),
        "An",
    ),
    "a whole number": (typed("float", "123"), "123"),
    "a fraction": (typed("float", "1.5"), "1.5"),
    "a number of 15 digits": (typed("float", "123456789012345"), "123456789012345"),
    "an exponent": (typed("float", "1.2E+5"), "120000"),
    "a number with zeros in its format": (typed("float", "912345678", "0912345678"), "0912345678"),
    "a date": (typed("date", "1990-02-28", "28/02/90"), "1990-02-28T00:00:00"),
    "a moment": (typed("date", "2024-03-01T10:05:06.123000000"), "2024-03-01T10:05:06.123"),
    "a time of day": (typed("time", "PT12H30M05S"), "12:30:05"),
    "a length of time": (typed("time", "PT36H00M00S"), "36:00:00"),
    "yes": (typed("boolean", "true", "TRUE"), "true"),
    "yes out of .xlsx": (typed("float", "1", "TRUE", 'table:formula="of:=TRUE()"'), "true"),
    "a formula": (typed("float", "2", "2", 'table:formula="of:=1+1"'), "2"),
    "a formula of text": (text("ab", 'office:string-value="ab" table:formula="of:=[.A1]"'), "ab"),
}


@pytest.mark.parametrize(("cell", "expected"), CELLS.values(), ids=CELLS.keys())
def test_an_open_document_cell_becomes_the_text_that_a_person_means(cell: str, expected: str, tmp_path: Path) -> None:
    """Protects LibreOffice users: times and booleans are not dropped, and nothing becomes 123.0."""
    read = read_all(ods(tmp_path, table(row(text("v"), text("k")), row(cell, text("k")))))

    assert (read.headers, read.cells, read.rows) == (("v", "k"), [(expected, "k")], [2])


def test_repeated_rows_and_cells_keep_every_number(tmp_path: Path) -> None:
    """Protects row numbers: OpenDocument writes equal neighbours once, with how often they stand there."""
    path = ods(
        tmp_path,
        table(
            row('<table:table-cell table:number-columns-repeated="2"/>', more='table:number-rows-repeated="2"'),
            row("<table:table-cell/>", text("a"), text("b"), text("c")),
            row("<table:table-cell/>", text("x", 'table:number-columns-repeated="2"'), typed("float", "1")),
            row("<table:table-cell/>", text("y"), more='table:number-rows-repeated="3"'),
            row(
                '<table:table-cell table:number-columns-repeated="16384"/>', more='table:number-rows-repeated="1000000"'
            ),
            row("<table:table-cell/>", text("z")),
        ),
        table(row(text("other")), name="Other"),
    )
    read = read_all(path)

    assert read.headers == ("a", "b", "c")
    assert read.cells == [("x", "x", "1"), *[("y", None, None)] * 3, ("z", None, None)]
    assert read.rows == [4, 5, 6, 7, 1_000_008]
    assert open_source([path], SourceOptions()).files[0].notes == ("sheet Khách hàng (1 other sheet not read)",)
    assert read_all(path, options=SourceOptions(sheet="Other")).headers == ("other",)


def test_what_an_open_document_sheet_hides_or_lacks_is_said(tmp_path: Path) -> None:
    """Protects against an empty phone where a formula failed, and against filters that keep nothing from being sent."""
    error = '<table:table-cell table:formula="of:=NA()" office:value-type="string" office:string-value="" {}>{}'
    path = ods(
        tmp_path,
        table(
            row(text("a"), text("b"), text("c")),
            row(text("1"), error.format('calcext:value-type="error"', "<text:p>#N/A</text:p></table:table-cell>")),
            row(text("2"), error.format("", "<text:p>Err:504</text:p></table:table-cell>")),
            row(text("3"), '<table:table-cell table:formula="of:=1+1"/>'),
            row(text("4"), typed("float", "12345678901234567890"), text("x"), more='table:visibility="filter"'),
            row(
                text("5", 'table:number-columns-spanned="2"'),
                text("under").replace("table-cell", "covered-table-cell"),
            ),
            columns='<table:table-column table:number-columns-repeated="2"/>'
            '<table:table-column table:visibility="collapse"/>',
        ),
        '<table:database-ranges><table:database-range table:display-filter-buttons="true"/></table:database-ranges>',
    )
    read = read_all(path)
    file = open_source([path], SourceOptions()).files[0]

    assert read.codes == {2: "source.error-cell", 3: "source.error-cell", 4: "source.no-value"}
    assert [damage.found for damage in read.damaged.values()] == ["#N/A in B2", "Err:504 in B3", " in B4"]
    assert read.cells[4] == ("5", None, None)
    assert file.rounded == (RoundedNumbers(column="b", count=1, rows=(5,)),)
    assert file.notes == (
        "sheet Khách hàng",
        "1 hidden row, read too; --visible-only leaves them out",
        "hidden column C, read too; --visible-only leaves them out",
        "a filter is set; rows that it hides are read too",
        "1 merged area: only the first cell of each has a value",
    )
    visible = read_all(path, options=SourceOptions(visible_only=True))
    assert (visible.headers, visible.rows) == (("a", "b"), [2, 3, 4, 6])


def test_an_error_is_found_by_its_type_and_behind_repeated_rows(tmp_path: Path) -> None:
    """Protects errors in other languages, and the numbers of their rows."""
    error = text("#NV", 'calcext:value-type="error"')
    path = ods(
        tmp_path,
        table(
            row(text("a"), text("b")),
            row(text("x"), text("y"), more='table:number-rows-repeated="3"'),
            row(text("z"), error, more='table:number-rows-repeated="2"'),
        ),
    )

    assert {row: damage.found for row, damage in zip((5, 6), read_all(path).damaged.values(), strict=True)} == {
        5: "#NV in B5",
        6: "#NV in B6",
    }


def test_protected_and_broken_open_documents_are_told(tmp_path: Path) -> None:
    """Protects against a traceback."""
    with pytest.raises(UsageError, match="protected by a password"):
        read_all(ods(tmp_path, manifest="<encryption-data/>"))
    with pytest.raises(UsageError, match="cannot be opened as a workbook"):
        read_all(ods(tmp_path, "<table:table"))
    with pytest.raises(UsageError, match="has no sheets"):
        read_all(ods(tmp_path))


def old_workbook(folder: Path) -> Path:
    book = xlwt.Workbook()
    sheet = book.add_sheet("Data")
    date, clock, zeros = (xlwt.easyxf(num_format_str=code) for code in ("DD/MM/YYYY", "HH:MM", "0000000000"))
    for column, name in enumerate(("id", "v", "k")):
        sheet.write(1, column, name)
    sheet.write(2, 0, "0012345678901234567890")
    sheet.write(2, 1, dt.date(1990, 2, 28), date)
    sheet.write(3, 0, 123456789012345)
    sheet.write(3, 1, dt.time(12, 30), clock)
    sheet.write(5, 0, 12345678901234567890)
    sheet.write(5, 1, True)  # noqa: FBT003 - the cell's value
    sheet.write(6, 0, 912345678, zeros)
    sheet.write(6, 1, 1.5)
    sheet.write(6, 2, "Nguyễn\nAn")
    sheet.write(7, 0, "7")
    sheet.row(7).set_cell_error(1, 0x2A)
    sheet.row(6).hidden = True
    sheet.col(2).hidden = True
    sheet.write_merge(8, 8, 0, 1, "8")
    path = folder / "a.xls"
    book.save(str(path))
    return path


def test_an_old_workbook_is_read_whole(tmp_path: Path) -> None:
    """Protects exports of old software: errors are no blanks, and rows have the numbers that Excel shows."""
    path = old_workbook(tmp_path)
    read = read_all(path)

    assert read.headers == ("id", "v", "k")
    assert dict(zip(read.rows, read.cells, strict=True)) == {
        3: ("0012345678901234567890", "1990-02-28T00:00:00", None),
        4: ("123456789012345", "12:30:00", None),
        6: ("12345678901234600000", "true", None),
        7: ("0912345678", "1.5", "Nguyễn\nAn"),
        8: (None, None, None),
        9: ("8", None, None),
    }
    assert read.damaged[4].found == "#N/A in B8"
    file = open_source([path], SourceOptions()).files[0]
    assert file.rounded == (RoundedNumbers(column="id", count=1, rows=(6,)),)
    assert file.notes[:-1] == (
        "sheet Data",
        "1 hidden row, read too; --visible-only leaves them out",
        "hidden column C, read too; --visible-only leaves them out",
        "column A: numbers with the leading zeros that their format shows",
        "1 merged area: only the first cell of each has a value",
    )
    visible = read_all(path, options=SourceOptions(visible_only=True))
    assert (visible.headers, visible.rows) == (("id", "v"), [3, 4, 6, 8, 9])


def test_a_title_above_the_headers_is_asked_about_in_every_kind_of_workbook(tmp_path: Path) -> None:
    """Protects reports with a heading, also out of old software."""
    rows = (row(text("Customers of May")), row(text("a"), text("b"), text("c")), row(text("1"), text("2"), text("3")))
    path = ods(tmp_path, table(*rows))

    with pytest.raises(UsageError, match="row 1 looks like a title, and row 2 like"):
        read_all(path)
    for read in (read_all(path, options=SourceOptions(header_row=2)), read_all(path, wanted=["a", "c"])):
        assert (read.headers, read.rows) == (("a", "b", "c"), [3])
