"""Every pitfall measured in the libraries underneath, as a file that fell into it: none of them is silent here."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
import xlsxwriter  # type: ignore[import-untyped] # no stubs exist
from support.source_reading import read_all

from pango_load.errors import UsageError
from pango_load.plan import SourceOptions
from pango_load.source.damage import find_damage
from pango_load.source.files import open_source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# --- what polars' CSV reader does -------------------------------------------------------------------------------------

SOUND = "".join(f"{number},Nguyễn {number},x\n" for number in range(3, 40))
TEXTS: dict[str, tuple[bytes, dict[int, str], int]] = {
    "a short row is padded in silence": (b"id,name,n\n1,An\n", {2: "source.too-few-cells"}, 1),
    "a long row is cut in silence": (b"id,name,n\n1,An,x,y\n", {2: "source.too-many-cells"}, 1),
    "a stray quote spoils the whole read": (b'id,name,n\n1,"An,x\n', {2: "source.bad-quote"}, 1),
    "a quote in the middle spoils the whole read": (b'id,name,n\n1,"An"y,x\n', {2: "source.bad-quote"}, 1),
    "a byte that is no UTF-8 spoils the whole read": (b"id,name,n\n1,\xc3(,x\n", {2: "source.bad-encoding"}, 1),
    "a blank line is a row of nothing": (b"id,name,n\n\n1,An,x\n", {}, 1),
    "a quoted line end makes records differ from lines": (b'id,name,n\n1,"A\nn",x\n2,B,x\n', {}, 2),
    "a cell of white space is not empty to it": (b"id,name,n\n1, ,x\n", {}, 1),
    "numbers and words that look like numbers stay text": (b"id,name,n\n007,NaN,1e400\n+5,inf,1.0\n", {}, 2),
}


@pytest.mark.parametrize(("content", "codes", "records"), TEXTS.values(), ids=TEXTS.keys())
def test_what_a_csv_reader_does_in_silence_is_noticed(
    content: bytes, codes: dict[int, str], records: int, tmp_path: Path
) -> None:
    """Protects the rows of a file from their worst neighbour: it alone is turned down, the rest loads."""
    path = tmp_path / "a.csv"
    path.write_bytes(content + SOUND.encode())
    read = read_all(path)

    assert read.codes == codes
    assert len(read.cells) == records + 37
    assert read.cells[records:] == [(str(number), f"Nguyễn {number}", "x") for number in range(3, 40)]
    assert read.rows[-37:] == list(range(read.rows[-37], read.rows[-37] + 37))


def test_words_that_a_reader_takes_for_numbers_arrive_as_they_are(tmp_path: Path) -> None:
    """Protects ids and phones: 007 is no 7, +84 no 84, and NaN is a name."""
    path = tmp_path / "a.csv"
    words = ["007", "+5", "1.0", "NaN", "inf", "1e400", "TRUE", "null", "12345678901234567890", "01/02/90"]
    path.write_text("v,k\n" + "".join(f"{word},x\n" for word in words), encoding="utf-8")

    assert [cells[0] for cells in read_all(path).cells] == words


SILENT: dict[str, bytes] = {
    "UTF-16 with a mark": "id,name,n\n1,Nguyễn,x\n".encode("utf-16"),
    "UTF-16 without a mark": "id,name,n\n1,Nguyễn,x\n".encode("utf-16-be"),
    "CR alone": "id,name,n\r1,Nguyễn,x\r".encode(),
}


@pytest.mark.parametrize("content", SILENT.values(), ids=SILENT.keys())
def test_what_reads_as_garbage_or_nothing_is_read_right(content: bytes, tmp_path: Path) -> None:
    """Protects Excel's "Unicode text" and files of old Macs."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)

    assert read_all(path).cells == [("1", "Nguyễn", "x")]


def test_a_header_that_stands_twice_is_refused_with_its_places(tmp_path: Path) -> None:
    """Protects the second of two columns, which would be renamed or dropped."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,phone,,phone\n1,2,3,4\n")

    with pytest.raises(UsageError, match='column 3 has none; "phone" stands in columns 2 and 4'):
        read_all(path)


@pytest.mark.parametrize("at", [1, 29_999, 30_000])
def test_one_short_row_among_thousands_is_found_wherever_it_stands(at: int, tmp_path: Path) -> None:
    """Protects row 800,001: separators and cells of each chunk are counted against each other."""
    lines = [f"{number},Nguyễn {number},090{number:07d}" for number in range(1, 30_001)]
    lines[at - 1] = f"{at},Nguyễn {at}"
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["id,name,phone", *lines]), encoding="utf-8")
    read = read_all(path)

    assert read.codes == {at + 1: "source.too-few-cells"}
    assert len(read.cells) == 30_000
    assert [cells[0] for cells in read.cells if cells[0]] == [str(one) for one in range(1, 30_001) if one != at]


# --- what the Excel readers do ----------------------------------------------------------------------------------------

WAYS = pytest.mark.parametrize("low_memory", [False, True], ids=["fast", "in little memory"])
INLINE = pytest.mark.parametrize("constant_memory", [False, True], ids=["shared texts", "texts in the cells"])


def write_sheet(path: Path, *, constant_memory: bool) -> None:
    """A sheet as xlsxwriter writes it, with each kind of cell that some reader gets wrong."""
    book = xlsxwriter.Workbook(path, {"constant_memory": constant_memory})
    sheet = book.add_worksheet("Data")
    day, clock = book.add_format({"num_format": "dd/mm/yyyy"}), book.add_format({"num_format": "hh:mm"})
    for column, name in enumerate(("id", "phone", "day", "clock", "yes", "formula", "error")):
        sheet.write(0, column, name)
    moment = dt.datetime(1990, 2, 28)  # noqa: DTZ001 - Excel knows no zones
    cells: Sequence[Sequence[object]] = [
        ["1234567890123456789", 912345678, moment, dt.time(12), True, 4, None],
        ["0007", 987654321, "31/12/1999", None, False, None, None],
        [],
        [123456789012345, "0912345678", None, None, None, None, "#N/A"],
        ["last", None, None, None, None, None, None],
    ]
    for row, values in enumerate(cells, 1):
        for column, value in enumerate(values):
            if isinstance(value, dt.datetime):
                sheet.write_datetime(row, column, value, day)
            elif isinstance(value, dt.time):
                sheet.write_datetime(row, column, value, clock)
            elif value == "#N/A":
                sheet.write_formula(row, column, "=NA()", None, "#N/A")
            elif column == 5 and value is not None:
                sheet.write_formula(row, column, "=2*2", None, value)
            elif isinstance(value, str):
                sheet.write_string(row, column, value)
            elif value is not None:
                sheet.write(row, column, value)
    book.close()


@WAYS
@INLINE
def test_what_excel_readers_lose_arrives(low_memory: bool, constant_memory: bool, tmp_path: Path) -> None:
    """Protects ids, dates, times and row numbers: each of these cells is lost or shifted by some reader."""
    path = tmp_path / "a.xlsx"
    write_sheet(path, constant_memory=constant_memory)
    read = read_all(path, options=SourceOptions(low_memory=low_memory))

    assert dict(zip(read.rows, read.cells, strict=True)) == {
        2: ("1234567890123456789", "912345678", "1990-02-28T00:00:00", "12:00:00", "true", "4", None),
        3: ("0007", "987654321", "31/12/1999", None, "false", None, None),
        5: (None,) * 7,
        6: ("last", None, None, None, None, None, None),
    }
    assert read.damaged[2].found == "#N/A in G5"
    assert read.damaged[2].raw.split("\t")[:2] == ["123456789012345", "0912345678"]


@WAYS
def test_phones_in_number_cells_are_told_by_their_lost_zeros(low_memory: bool, tmp_path: Path) -> None:
    """Protects phones: the zero is gone in every reader, and only the column as a whole shows it."""
    path = tmp_path / "a.xlsx"
    write_sheet(path, constant_memory=False)
    source = open_source([path], SourceOptions(low_memory=low_memory))
    findings = find_damage(source.read_chunks(), source.headers)

    assert [(one.column, one.count, one.rows) for one in findings if one.code == "damage.lost-zero"] == [
        ("phone", 2, (2, 3))
    ]


@WAYS
def test_merged_and_hidden_cells_are_read_and_said(low_memory: bool, tmp_path: Path) -> None:
    """Protects whoever merged a city over three customers, or believes that a filter keeps rows back."""
    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Data")
    for row, values in enumerate([("id", "city"), (1, None), (2, None), (3, "Huế"), (4, "Vinh")]):
        for column, value in enumerate(values):
            if value is not None:
                sheet.write(row, column, value)
    sheet.merge_range("B2:B3", "Hà Nội")
    sheet.autofilter("A1:B5")
    sheet.set_row(3, options={"hidden": True})
    book.close()
    options = SourceOptions(low_memory=low_memory)

    assert read_all(path, options=options).cells == [("1", "Hà Nội"), ("2", None), ("3", "Huế"), ("4", "Vinh")]
    assert open_source([path], options).files[0].notes[:4] == (
        "sheet Data",
        "1 hidden row, read too; --visible-only leaves them out",
        "a filter is set; rows that it hides are read too",
        "1 merged area: only the first cell of each has a value",
    )
