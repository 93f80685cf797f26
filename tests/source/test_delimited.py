"""Delimited text arrives cell for cell, and what is damaged is named and nothing else."""

from __future__ import annotations

import csv
import io
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.source_reading import TinyText, gather, read_all

from pango_load.plan import SourceOptions
from pango_load.source.delimited import DelimitedReader
from pango_load.source.files import open_source
from pango_load.source.formats import SourceFile, SourceFormat
from pango_load.source.layout import find_layout
from pango_load.source.quoting import Dialect, find_records

SPECTRUM = {
    "comma in quotes": (
        b'first,last,address,city,zip\nJohn,Doe,120 any st.,"Anytown, WW",08123\n',
        [("John", "Doe", "120 any st.", "Anytown, WW", "08123")],
    ),
    "empty": (b'a,b,c\n1,"",""\n2,3,4\n', [("1", None, None), ("2", "3", "4")]),
    "empty, CRLF": (b'a,b,c\r\n1,"",""\r\n2,3,4\r\n', [("1", None, None), ("2", "3", "4")]),
    "escaped quotes": (b'a,b\n1,"ha ""ha"" ha"\n3,4\n', [("1", 'ha "ha" ha'), ("3", "4")]),
    "json": (
        b'key,val\n1,"{""type"": ""Point"", ""coordinates"": [102.0, 0.5]}"\n',
        [("1", '{"type": "Point", "coordinates": [102.0, 0.5]}')],
    ),
    "location coordinates": (
        b'id,Location Coordinates\n1,"118\xc2\xb036\xe2\x80\xb236\xe2\x80\xb3E, 32\xc2\xb0N"\n2,"(9, 1)"\n',
        [("1", "118°36′36″E, 32°N"), ("2", "(9, 1)")],
    ),
    "newlines": (
        b'a,b,c\n1,2,3\n"Once upon \na time",5,6\n7,8,9\n',
        [("1", "2", "3"), ("Once upon \na time", "5", "6"), ("7", "8", "9")],
    ),
    "newlines, CRLF": (
        b'a,b,c\r\n1,2,3\r\n"Once upon \r\na time",5,6\r\n7,8,9\r\n',
        [("1", "2", "3"), ("Once upon \r\na time", "5", "6"), ("7", "8", "9")],
    ),
    "quotes and newlines": (
        b'a,b\n1,"ha \n""ha"" \nha"\n3,4\n',
        [("1", 'ha \n"ha" \nha'), ("3", "4")],
    ),
    "simple": (b"a,b,c\n1,2,3\n", [("1", "2", "3")]),
    "simple, CRLF": (b"a,b,c\r\n1,2,3\r\n", [("1", "2", "3")]),
    "utf8": ("a,b,c\n1,2,3\n4,5,ʤ\n".encode(), [("1", "2", "3"), ("4", "5", "ʤ")]),
    "CR alone": (b'a,b\r1,"x\ry"\r2,z\r', [("1", "x\ry"), ("2", "z")]),
    "byte order mark": ("\ufeffa,b\n1,ễ\n".encode(), [("1", "ễ")]),
    "no line end at the end": (b"a,b\n1,2\n3,4", [("1", "2"), ("3", "4")]),
    "quote at the end": (b'a,b\n1,2\n3,"4"', [("1", "2"), ("3", "4")]),
    "separator at the end": (b"a,b\n1,2\n3,", [("1", "2"), ("3", None)]),
    "a separator behind every row": (b"a,b,\n1,2,\n3,4,\n", [("1", "2"), ("3", "4")]),
    "a separator behind every row but the headers": (b"a,b\n1,2,\n3,4,\n", [("1", "2"), ("3", "4")]),
    "only separators": (b"a,b,c\n,,\n1,2,3\n", [(None, None, None), ("1", "2", "3")]),
    "white space is kept": (b"a,b\n 1 ,\t\n", [(" 1 ", "\t")]),
    "zeros, long ids and plus signs": (
        b"a,b,c\n007,12345678901234567890,+84901234567\n",
        [("007", "12345678901234567890", "+84901234567")],
    ),
    "quotes inside a cell": (b'a,b\n5" pipe,6" pipe\nx "T" y,z\n', [('5" pipe', '6" pipe'), ('x "T" y', "z")]),
    "a zero byte": (b"a,b\nx\x00y,z\n", [("x\x00y", "z")]),
    "a later byte order mark belongs to the cell": ("a,b\n\ufeffx,y\n".encode(), [("\ufeffx", "y")]),
    "one column": (b'a\nx\n""\ny\n', [("x",), (None,), ("y",)]),
    "mark columns are left out": (b"a,_pango_row,b,_pango_hint\n1,2,3,4\n", [("1", "3")]),
}


def write(folder: Path, content: bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("content", "cells"), SPECTRUM.values(), ids=SPECTRUM.keys())
def test_every_kind_of_sound_file_arrives_cell_for_cell(
    content: bytes, cells: list[tuple[str | None, ...]], tmp_path: Path
) -> None:
    """Protects whoever exports with another program than we do."""
    read = read_all(write(tmp_path, content))

    assert read.cells == cells
    assert read.rows == list(range(2, 2 + len(cells)))
    assert not read.damaged


DAMAGED = {
    "a short row": (b"a,b,c\n1,2,3\n4,5\n6,7,8\n", {3: "source.too-few-cells"}),
    "a long row": (b"a,b\n1,2\n4,5,6\n7,8\n", {3: "source.too-many-cells"}),
    "a short and a long row": (
        b"a,b,c\n1,2\n4,5,6,7\n8,9,0\n",
        {2: "source.too-few-cells", 3: "source.too-many-cells"},
    ),
    "a value behind the last header": (b"a,b,\n1,2,\n3,4,5\n", {3: "source.too-many-cells"}),
    "text behind a closing quote": (b'a,b\n"x"y,2\n3,4\n', {2: "source.bad-quote"}),
    "a blank before a separator": (b'a,b\n"x" ,2\n3,4\n', {2: "source.bad-quote"}),
    "a quote that nobody closes": (b'a,b\n1,"x\n3,4\n5,6\n', {2: "source.bad-quote"}),
    "a quote closed by a later one": (b'a,b\n1,"x\n3,4\n5,"y"\n7,8\n', {2: "source.bad-quote"}),
    "a quote closed in a later row": (
        b'a,b,c\n1,"x,9\n3,4,5\n5,"\n7,8,9\n',
        {2: "source.bad-quote", 4: "source.bad-quote"},
    ),
    "a byte that is no text": (b"a,b\n1,2\n3,\xff\n5,6\n5,6\n5,6\n5,6\n5,6\n5,6\n5,6\n", {3: "source.bad-encoding"}),
    "half a character": (b"a,b\n1,2\n3,\xc3\n5,6\n5,6\n5,6\n5,6\n5,6\n5,6\n5,6\n", {3: "source.bad-encoding"}),
}


@pytest.mark.parametrize(("content", "codes"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_record_is_named_and_its_neighbours_load(
    content: bytes, codes: dict[int, str], tmp_path: Path
) -> None:
    """Protects the rest of a file with one broken line."""
    read = read_all(write(tmp_path, content))

    assert read.codes == codes
    lines = content.decode(errors="replace").splitlines()
    assert read.rows == list(range(2, 1 + len(lines)))
    for position, damage in read.damaged.items():
        assert damage.raw == lines[position + 1]


def test_blank_lines_are_no_records_and_keep_their_number(tmp_path: Path) -> None:
    """Protects a person who looks up row 5 of the reject file in an editor."""
    read = read_all(write(tmp_path, b"a,b\n\n1,2\n\r\n\n3,4\n\n"))

    assert read.cells == [("1", "2"), ("3", "4")]
    assert read.rows == [3, 6]


def test_blank_lines_of_a_single_column_are_no_records_either(tmp_path: Path) -> None:
    """Protects lists of ids, where a blank line looks like an empty cell."""
    read = read_all(write(tmp_path, b'a\n\nx\n""\n\ny\n'))

    assert (read.cells, read.rows) == ([("x",), (None,), ("y",)], [3, 4, 6])


def test_a_stray_quote_does_not_swallow_the_file(tmp_path: Path) -> None:
    """Protects row 800,001: an open quote must not eat the rows behind it."""
    content = b"a,b\n" + b"1,2\n" * 10 + b'3,"x\n' + b"1,2\n" * 1_000_000
    read = read_all(write(tmp_path, content))

    assert read.codes == {12: "source.bad-quote"}
    assert len(read.cells) == 1_000_011


def test_a_short_row_is_not_made_up_for_by_a_long_last_one(tmp_path: Path) -> None:
    """Protects against two mistakes that polars lets pass and that cancel out when separators are counted."""
    read = read_all(write(tmp_path, b"a,b\n1,2\n\n,,"))

    assert (read.cells, read.rows) == ([("1", "2"), (None, None)], [2, 4])


def test_an_open_quote_is_given_up_after_sixteen_megabytes() -> None:
    """Protects memory: a stray quote must not make the reader hold the rest of a huge file."""
    short, long = (b'"x\n' + b"1,2\n" * rows for rows in (10, 4_500_000))

    assert list(find_records(short, Dialect(), final=False)) == []
    spoilt, sound = islice(find_records(long, Dialect(), final=False), 2)
    assert (spoilt.cells, sound.cells) == (None, [b"1", b"2"])


def test_a_cell_of_several_megabytes_arrives_whole(tmp_path: Path) -> None:
    """Protects columns that hold whole documents, over block borders."""
    big = "Nguyễn, \n" * 900_000
    read = read_all(write(tmp_path, f'a,b\n1,"{big}"\n2,x\n'.encode()))

    assert read.cells == [("1", big), ("2", "x")]
    assert read.rows == [2, 3]


@pytest.mark.parametrize(
    ("content", "delimiter", "note"),
    [
        pytest.param(b"a;b;c\n1,5;2;3\n", ";", "cells separated by semicolon", id="semicolon"),
        pytest.param(b"a\tb\n1,5\t2\n", "\t", "cells separated by tab", id="tab"),
        pytest.param(b"a|b\n1|2\n", "|", "cells separated by bar", id="bar"),
        pytest.param(b"tags,b\nx;y;z,1\nx;y;z,1\n", ",", None, id="lists in a comma file"),
        pytest.param(b"sep=;\na;b\n1;2\n", ";", "cells separated by semicolon, as its first line says", id="sep= line"),
    ],
)
def test_the_separator_is_found_and_said(content: bytes, delimiter: str, note: str | None, tmp_path: Path) -> None:
    """Protects Excel users of countries with a decimal comma."""
    source = open_source([write(tmp_path, content)], SourceOptions())

    assert source.files[0].delimiter == delimiter
    assert source.files[0].notes == ("encoding UTF-8", *((note,) if note else ()))
    assert not read_all(write(tmp_path, content)).damaged


def test_a_delimiter_that_was_asked_for_is_taken(tmp_path: Path) -> None:
    """Protects files with a separator that nobody would guess."""
    read = read_all(write(tmp_path, b"a~b\n1,2~3\n"), options=SourceOptions(delimiter="~"))

    assert read.cells == [("1,2", "3")]


def test_a_header_row_further_down_is_taken_when_it_is_named(tmp_path: Path) -> None:
    """Protects exports with a title, and their row numbers."""
    content = b"Customers of May\n\na,b,c\n1,2,3\n"
    read = read_all(write(tmp_path, content), options=SourceOptions(header_row=3))

    assert (read.headers, read.cells, read.rows) == (("a", "b", "c"), [("1", "2", "3")], [4])


def test_a_line_of_separators_above_the_headers_is_as_blank_as_a_blank_one(tmp_path: Path) -> None:
    """Protects exports of LibreOffice, which writes an empty row as separators alone."""
    read = read_all(write(tmp_path, b";;\n \n;;\na;b;c\n1;2;3\n4;5;6\n"))

    assert (read.headers, read.rows) == (("a", "b", "c"), [5, 6])


def test_a_header_row_further_down_is_taken_when_it_holds_all_wanted_names(tmp_path: Path) -> None:
    """Protects a nightly job whose mapping says what the headers are."""
    read = read_all(write(tmp_path, b"Customers of May\na,b,c\n1,2,3\n"), wanted=["a", "c"])

    assert read.rows == [3]


def test_a_damaged_record_that_comes_back_uncorrected_is_damaged_in_the_same_way(tmp_path: Path) -> None:
    """Protects the promise that a reject file loads again: an uncorrected row keeps its reason."""
    marks = "_pango_row,_pango_code,_pango_field,_pango_message,_pango_hint"
    rows = ["1,2,3,phone.shape,phone,m,h", ",,7,source.bad-quote,,m,h", "4,5,9,source.bad-quote,,m,h", ",,9,x,,,"]
    read = read_all(write(tmp_path, "\n".join([f"a,b,{marks}", *rows]).encode()))

    assert read.codes == {3: "source.bad-quote"}
    assert read.cells == [("1", "2"), (None, None), ("4", "5"), (None, None)]


CELLS = st.text(st.characters(codec="utf-8"), max_size=12)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=8).map(
        lambda rows: [[f"h{number}" for number in range(width)], *rows]
    )
)


def written(table: list[list[str]], delimiter: str, line_end: str) -> bytes:
    """The table as Python writes it; csv leaves a CR or LF unquoted that is no part of the line's end."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end)
    if line_end != "\r\n":
        writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerows(table)
    return text.getvalue().encode()


@settings(deadline=None, max_examples=80)
@given(TABLES, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["\n", "\r\n", "\r"]), st.integers(1, 40))
def test_any_table_written_as_csv_reads_back_cell_for_cell(
    table: list[list[str]], delimiter: str, line_end: str, block: int
) -> None:
    """Protects every cell: whatever text it holds, and wherever a block of the file ends."""
    with TemporaryDirectory() as folder:
        content = written(table, delimiter, line_end)
        path = write(Path(folder), content)
        layout = find_layout(path, content, SourceOptions(delimiter=delimiter, header_row=1), final=True)
        file = SourceFile(path=path, format=SourceFormat.CSV)
        reader = DelimitedReader(file, TinyText(path=path, size=block), layout)
        read = gather(reader.headers, reader.read(first=0, file=0, expected=None))

        assert read.cells == [tuple(cell or None for cell in row) for row in table[1:]]
        assert read.rows == list(range(2, len(table) + 1))
        assert not read.damaged


HOSTILE = st.lists(st.sampled_from([*'ab",\n\r; \x00é', '""', "\r\n", '",', '\n"', "1,2\n", "\udcff"]), max_size=40)


@settings(deadline=None, max_examples=120)
@given(HOSTILE, st.integers(1, 30))
def test_any_text_is_read_alike_wherever_its_blocks_end(pieces: list[str], block: int) -> None:
    """Protects against a chunk border that changes what is read: the fast and the careful way must agree."""
    with TemporaryDirectory() as folder:
        content = b"a,b\n" + "".join(pieces).encode("utf-8", "surrogateescape")
        path = write(Path(folder), content)
        layout = find_layout(path, b"a,b\n", SourceOptions(delimiter=","), final=True)
        file = SourceFile(path=path, format=SourceFormat.CSV)
        whole, cut = (
            gather(layout.names, DelimitedReader(file, text, layout).read(first=0, file=0, expected=None))
            for text in (TinyText(path=path, size=1 << 20), TinyText(path=path, size=block))
        )

        assert cut == whole
