"""What is found in a sheet's XML is what stands there, however it is spelled and wherever it is cut."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest
import xlsxwriter  # type: ignore[import-untyped] # no stubs exist
from hypothesis import given
from hypothesis import strategies as st
from support.source_reading import read_all

from pango_load.errors import UsageError
from pango_load.plan import SourceOptions
from pango_load.source.workbook import NO_VALUE, column_letters, scan_sheet

if TYPE_CHECKING:
    from pathlib import Path

FINE = [
    '<c r="@"><v>-12</v></c>',
    '<c r="@" s="3"/>',
    '<c r="@" t="s"><v>0</v></c>',
    '<c r="@" t="inlineStr"><is><t>t="e" hidden="1" f> f /> /f></t></is></c>',
    '<c r="@"><f>A1*2</f><v>3</v></c>',
    '<c r="@"><f>A1*2</f> <v>3</v></c>',
    '<c r="@"><f t="shared" si="0"/><v>3</v></c>',
    '<c r="@"><f/><v>3</v></c>',
    '<c r="@" t="str"><f>IF(A1="","e","f")</f><v></v></c>',
    '<c t="str" r="@"><f t="array" ref="A1:B2">T("")</f><v/></c>',
]
ERRORS = [
    '<c r="@" t="e"><v>#N/A</v></c>',
    '<c t="e" s="1" r="@"><f>NA()</f><v>#N/A</v></c>',
    '<c r="@" t="e"><f t="shared" si="1"/>\n<v>#N/A</v></c>',
]
EMPTY = [
    '<c r="@"><f>A1</f></c>',
    '<c r="@"><f>A1</f><v/></c>',
    '<c r="@"><f>A1</f><v></v></c>',
    '<c r="@" s="2">\n<f ca="1">A1</f>\n<v> </v>\n</c>',
    '<c r="@"><f t="shared" si="0"/></c>',
    '<c s="1" r="@"><f t="shared" si="0" /><v /></c>',
    '<c r="@"><f/><v></v></c>',
]
cells = st.sampled_from(
    [*((cell, "") for cell in FINE), *((cell, "#N/A") for cell in ERRORS), *((cell, NO_VALUE) for cell in EMPTY)]
)
rows = st.tuples(st.booleans(), st.lists(cells, max_size=4))


class Trickle(io.BytesIO):
    """A stream that gives a few bytes at a time, whatever it is asked for."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__(content)
        self._size = size

    def read(self, size: int | None = -1, /) -> bytes:
        """A few bytes."""
        del size
        return super().read(self._size)


def prefixed(xml: str, prefix: str) -> str:
    """The same elements with a prefix to their names; text stays as it is."""
    for name in ("worksheet", "sheetData", "rowBreaks", "mergeCell", "row", "c", "v", "f", "is", "t"):
        for before in ("<", "</"):
            for after in (" ", ">", "/"):
                xml = xml.replace(before + name + after, before + prefix + name + after)
    return xml


@given(rows=st.lists(rows, max_size=6), prefix=st.sampled_from(["", "x:"]), size=st.integers(1, 400))
def test_cells_without_a_value_are_found_however_they_are_spelled(
    rows: list[tuple[bool, list[tuple[str, str]]]], prefix: str, size: int
) -> None:
    """The fast engine gives them as blanks: one that is overlooked is a value that is lost without a word."""
    expected: dict[tuple[int, int], str] = {}
    xml = "<worksheet><sheetData>"
    for number, (_, found) in enumerate(rows, 1):
        hidden = ' hidden="1"' if rows[number - 1][0] else ""
        xml += f'<row r="{number}"{hidden}>'
        for column, (cell, what) in enumerate(found, 1):
            xml += cell.replace("@", f"{column_letters(column)}{number}")
            if what:
                expected[number, column] = what
        xml += "</row>"
    xml += '</sheetData><mergeCell ref="A1:B2"/><rowBreaks count="1"></rowBreaks></worksheet>'
    facts = scan_sheet(Trickle(prefixed(xml, prefix).encode(), size), {})
    assert facts.failed == expected
    assert facts.hidden_rows == [number for number, (is_hidden, _) in enumerate(rows, 1) if is_hidden]
    assert facts.merged == 1


@pytest.mark.parametrize(
    ("text", "is_date"),
    [("2026-11-21 02:24:26", True), ("2026-11-21", False), ("02:24:26", False), ("11-21 02:24:26", False)],
)
def test_text_that_looks_like_a_real_date_is_seen(text: str, *, is_date: bool) -> None:
    """The engine writes real dates so; where text does too, they must be told apart."""
    xml = f'<worksheet><sheetData><row r="1"><c r="A1" t="str"><v>{text}</v></c></row></sheetData></worksheet>'
    assert scan_sheet(io.BytesIO(xml.encode()), {}).has_date_text is is_date


@pytest.mark.parametrize("low_memory", [False, True], ids=["fast", "in little memory"])
@pytest.mark.parametrize(("good", "bad"), [(b"<v>222</v>", b"<v>922</v>"), (b"Nguyen", b"Nguyem")])
def test_a_single_byte_that_changed_on_the_disk_is_noticed(
    low_memory: bool, good: bytes, bad: bytes, tmp_path: Path
) -> None:
    """A spreadsheet's archive carries sums of what it holds; the fast engine alone would send the wrong value."""
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet().write_column(0, 0, ["name", "Nguyen", 222, "2026-11-21 02:24:26"])
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert len(read_all(path, options=SourceOptions(low_memory=low_memory)).cells) == 3
    path.write_bytes(path.read_bytes().replace(good, bad))
    with pytest.raises(UsageError, match="it is damaged"):
        read_all(path, options=SourceOptions(low_memory=low_memory))
