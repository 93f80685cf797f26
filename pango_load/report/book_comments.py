"""Many comments of a sheet, made from a few that XlsxWriter wrote: one for each column stands for all below it.

Letter for letter what it would write itself, in a sixth of the time; half of what a workbook of rejected rows costs
would go into comments otherwise.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from pango_load.report.sheet_rows import column_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What XlsxWriter reckons with: places are told in pixels, heights of rows in points.
_POINT = 0.75
_USUAL_ROW = 20
_DROP = 10
_BLOCK = 1024

_COMMENT = re.compile(r'<comment ref="[A-Z]+\d+"(.*?<t)>.*?(</t>.*?</comment>)', re.DOTALL)
_SHAPE = re.compile(
    r'<v:shape id="_x0000_s\d+"(?P<look>.*?)margin-top:[^;]*;(?P<size>.*?)z-index:\d+;(?P<inside>.*?)'
    r"<x:Anchor>(?P<left>\d+, \d+), \d+, \d+, (?P<right>\d+, \d+), \d+, \d+</x:Anchor>(?P<fill>.*?)"
    r"<x:Row>\d+</x:Row><x:Column>(?P<column>\d+)</x:Column>(?P<end>.*?</v:shape>)",
    re.DOTALL,
)
_SHAPES = re.compile(r"<v:shape .*</v:shape>", re.DOTALL)
_COMMENTS = re.compile(r"<comment .*</comment>", re.DOTALL)
_BLOCKS = re.compile(r'(<o:idmap v:ext="edit" data=)"[^"]*"')


class UnfamiliarError(Exception):
    """XlsxWriter's spelling is not the one that is known here: another release of it."""


def multiplied(
    comments: bytes, shapes: bytes, texts: Mapping[tuple[int, int], str], heights: Mapping[int, float], *, height: int
) -> tuple[bytes, bytes]:
    """The texts of all comments, and the boxes in which they are shown.

    Args:
        comments: `xl/comments1.xml` with one comment in each column that has any.
        shapes: `xl/drawings/vmlDrawing1.vml`, likewise.
        texts: (row of the sheet, 2 or below, and column from 0) -> text, in order; no letter in it that XML has no room
            for.
        heights: row of the sheet -> its height in points, where it is not the usual one.
        height: of a box, in pixels.

    Raises:
        UnfamiliarError: one for all cannot be made of these.
    """
    return _all_comments(comments.decode(), texts).encode(), _all_shapes(
        shapes.decode(), texts, heights, height
    ).encode()


def _all_comments(pattern: str, texts: Mapping[tuple[int, int], str]) -> str:
    found = _COMMENT.search(pattern)
    if found is None:
        raise UnfamiliarError(pattern)
    before, behind = found.groups()
    names = column_names(1 + max(column for _, column in texts))
    written = "".join(
        f'<comment ref="{names[column]}{row}"{before}{_space(text)}>{escape(text)}{behind}'
        for (row, column), text in texts.items()
    )
    return _COMMENTS.sub(lambda _: written, pattern)


def _all_shapes(pattern: str, places: Mapping[tuple[int, int], str], heights: Mapping[int, float], height: int) -> str:
    looks = {int(found["column"]): found for found in _SHAPE.finditer(pattern)}
    if not looks.keys() >= {column for _, column in places}:
        raise UnfamiliarError(pattern)
    written = []
    for number, ((row, column), (top, last, rest)) in enumerate(_spans(places, heights, height), 1):
        look = looks[column]
        written.append(
            f'<v:shape id="_x0000_s{_BLOCK + number}"{look["look"]}margin-top:{top * _POINT:.15g}pt;{look["size"]}'
            f"z-index:{number};{look['inside']}<x:Anchor>{look['left']}, {row - 2}, {_DROP}, {look['right']}, "
            f"{last}, {rest}</x:Anchor>{look['fill']}<x:Row>{row - 1}</x:Row><x:Column>{column}</x:Column>{look['end']}"
        )
    blocks = ",".join(str(number + 1) for number in range(len(places) // _BLOCK + 1))
    return _BLOCKS.sub(rf'\g<1>"{blocks}"', _SHAPES.sub(lambda _: "".join(written), pattern))


def _spans(
    places: Mapping[tuple[int, int], str], heights: Mapping[int, float], height: int
) -> Iterator[tuple[tuple[int, int], tuple[int, int, int]]]:
    """Each place with where its box begins (pixels from the top), and where it ends (row from 0, pixels in it)."""
    pixels = {row: int(points / _POINT) for row, points in heights.items()}
    above, top = 1, 0
    for row, column in places:
        # A box begins in the row above its cell.
        while above < row - 1:
            top += pixels.get(above, _USUAL_ROW)
            above += 1
        last, rest = above, _DROP + height
        while rest >= (size := pixels.get(last, _USUAL_ROW)):
            rest -= size
            last += 1
        yield (row, column), (top + _DROP, last - 1, rest)


def _space(text: str) -> str:
    return ' xml:space="preserve"' if text[:1].isspace() or text[-1:].isspace() else ""
