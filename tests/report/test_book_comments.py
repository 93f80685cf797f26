"""Comments that are made from one of their column are those that XlsxWriter writes, letter for letter."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest
import xlsxwriter  # type: ignore[import-untyped] # no stubs exist
from hypothesis import given
from hypothesis import strategies as st

from pango_load.report.book_comments import UnfamiliarError, multiplied
from pango_load.report.book_frame import RowsBelow, make_frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PARTS = ("xl/comments1.xml", "xl/drawings/vmlDrawing1.vml")
WIDTHS = (8, 33, 12.5, 48, 60)

said = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), min_size=1)
said |= st.sampled_from([' a <b> & "c"', "a\n\nb ", "a\n"])
places = st.tuples(st.integers(2, 40), st.integers(0, len(WIDTHS) - 1))
heights = st.dictionaries(st.integers(2, 40), st.sampled_from([30.0, 45.0, 52.5, 120.0]))


def written_by_the_library(comments: Mapping[tuple[int, int], str], heights: Mapping[int, float]) -> Sequence[bytes]:
    """The same comments, each asked for by itself."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet = book.add_worksheet("S")
        for column, width in enumerate(WIDTHS):
            sheet.set_column(column, column, width)
        for row, height in heights.items():
            sheet.set_row(row - 1, height)
        for (row, column), text in comments.items():
            sheet.write_comment(row - 1, column, text, {"author": "pango-load", "height": 120, "width": 360})
    with zipfile.ZipFile(content) as archive:
        return [archive.read(part) for part in PARTS]


def written_by_us(comments: Mapping[tuple[int, int], str], heights: Mapping[int, float]) -> Sequence[bytes]:
    below = RowsBelow(number=60, heights=heights, comments=comments, counts={})
    frame = make_frame("S", WIDTHS, below)
    return [frame.members[part] for part in PARTS]


@given(found=st.dictionaries(places, said, min_size=1, max_size=20), heights=heights)
def test_comments_are_those_that_the_library_writes(
    found: dict[tuple[int, int], str], heights: dict[int, float]
) -> None:
    """A spreadsheet calls a file damaged for a letter that is wrong in it."""
    comments = dict(sorted(found.items()))
    assert written_by_us(comments, heights) == written_by_the_library(comments, heights)


def test_thousands_of_comments_are_those_that_the_library_writes() -> None:
    """Boxes are numbered in blocks of 1,024, which the file names one by one."""
    comments = {(row, row % 5): f"row {row}" for row in range(2, 2100)}
    assert written_by_us(comments, {}) == written_by_the_library(comments, {})


def test_a_release_that_spells_otherwise_writes_its_comments_itself() -> None:
    """A report must not fail for a letter in a library."""

    def unfamiliar(*_: object, **__: object) -> tuple[bytes, bytes]:
        raise UnfamiliarError

    comments, heights = {(2, 1): "a", (9, 3): "b"}, {3: 45.0}
    below = RowsBelow(number=60, heights=heights, comments=comments, counts={})
    frame = make_frame("S", WIDTHS, below, multiply=unfamiliar)
    assert [frame.members[part] for part in PARTS] == written_by_the_library(comments, heights)


@pytest.mark.parametrize("changed", [0, 1], ids=["texts", "boxes"])
def test_an_unknown_spelling_is_noticed(changed: int) -> None:
    """Half of a comment would make the file a damaged one."""
    pattern = [*written_by_the_library({(2, 1): "a"}, {})]
    pattern[changed] = pattern[changed].replace(b"<comment ", b"<threaded ").replace(b"<x:Anchor>", b"<x:Place>")
    comments, shapes = pattern
    with pytest.raises(UnfamiliarError):
        multiplied(comments, shapes, {(2, 1): "a"}, {}, height=120)
