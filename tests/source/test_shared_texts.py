"""Texts that the cells of a workbook share come back from the disk as they were, and are read once."""

from __future__ import annotations

import gc
import io
import resource
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import pytest
import xlsxwriter  # type: ignore[import-untyped] # no stubs exist
from hypothesis import given
from hypothesis import strategies as st
from support.source_reading import read_all

from pango_load.errors import MustBeMended
from pango_load.plan import SourceOptions
from pango_load.source.row_books import XlsxRows
from pango_load.source.shared_texts import SharedTexts

if TYPE_CHECKING:
    from pathlib import Path

texts = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=12)


def table(parts: list[list[str]], prefix: str = "") -> io.BytesIO:
    """The XML of texts: in one part plainly, in several as runs with a pronunciation beside them."""
    xml = ""
    for runs in parts:
        one, *more = (f"<t xml:space='preserve'>{escape(run)}</t>" for run in runs)
        told = "".join(f"<r><rPr><b/></rPr>{run}</r>" for run in (one, *more)) + "<rPh><t>no</t></rPh>" if more else one
        xml += f"<si>{told}</si>"
    xml = f'<sst xmlns="urn:x">{xml}</sst>'
    if prefix:
        for name in ("sst", "si", "t", "rPr", "rPh", "r", "b"):
            for before, after in (("<", " "), ("<", ">"), ("</", ">"), ("<", "/>")):
                xml = xml.replace(f"{before}{name}{after}", f"{before}{prefix}:{name}{after}")
        xml = xml.replace('xmlns="urn:x"', f'xmlns:{prefix}="urn:x"')
    return io.BytesIO(xml.encode())


@given(
    parts=st.lists(st.lists(texts, min_size=1, max_size=3), min_size=1, max_size=12),
    order=st.lists(st.integers(0, 11), max_size=30),
    block=st.integers(1, 40),
)
def test_texts_come_back_in_whatever_order_they_are_asked_for(
    parts: list[list[str]], order: list[int], block: int
) -> None:
    """A cell with another cell's text would be sent as such."""
    shared = SharedTexts(table(parts), block_bytes=block)
    wanted = [number % len(parts) for number in order]
    assert [shared[number] for number in wanted] == ["".join(parts[number]) for number in wanted]


def test_names_may_have_a_prefix() -> None:
    """Not every program leaves it out."""
    shared = SharedTexts(table([["a"], ["b", "c"]], prefix="x"))
    assert [shared[0], shared[1]] == ["a", "bc"]


@pytest.mark.parametrize("number", [-1, 2])
def test_a_text_that_does_not_exist_is_none_of_the_others(number: int) -> None:
    """A damaged workbook is told to be one."""
    shared = SharedTexts(table([["a"], ["b"]]))
    with pytest.raises(IndexError):
        shared[number]


def test_a_disk_without_room_is_named() -> None:
    """The workbook is not at fault, and a person can make room."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, usual[1]))
    try:
        with pytest.raises(MustBeMended, match=r"could not be copied to .*: File too large") as stopped:
            SharedTexts(table([["x" * 5000]]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert "TMPDIR" in stopped.value.advice
    gc.collect()


@pytest.mark.parametrize("constant_memory", [False, True], ids=["shared texts", "texts in their cells"])
@pytest.mark.parametrize("low_memory", [False, True], ids=["fast", "in little memory"])
def test_letters_that_xml_has_no_room_for_come_back(low_memory: bool, constant_memory: bool, tmp_path: Path) -> None:
    """A line that Excel broke with a carriage return would be sent as `_x000D_`."""
    cells = ["a\r\nb", "\x07", "_x0041_", "_x005F_", " a ", "_x000d_", "x_"]
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path, {"constant_memory": constant_memory}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [f"h{number}" for number in range(len(cells))])
        for column, cell in enumerate(cells):
            sheet.write_string(1, column, cell)
    assert read_all(path, options=SourceOptions(low_memory=low_memory)).cells == [tuple(cells)]


def test_shared_texts_are_read_once_however_often_the_rows_are(tmp_path: Path) -> None:
    """They took longer than the cells, and a load reads its source at least three times."""
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("S").write_column(0, 0, ["head", "one", "two"])
    rows = XlsxRows(path)
    shared = rows._texts
    assert (
        [cells for _, cells in rows.rows("S")] == [cells for _, cells in rows.rows("S")] == [["head"], ["one"], ["two"]]
    )
    assert rows._texts is shared is not None
