"""Number formats that show leading zeros: a phone kept as the number 912345678 and shown as 0912345678."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LITERALS = re.compile(r'"[^"]*"|\\.|[_*].|\[[^\]]*\]|[ ()/-]')
_ZEROS = re.compile(r"0[0#]+")
_FORMAT = re.compile(rb"<(?:\w+:)?numFmt\b([^>]*)>")
_CELL_FORMATS = re.compile(rb"<(?:\w+:)?cellXfs\b.*?</(?:\w+:)?cellXfs>", re.DOTALL)
_CELL_FORMAT = re.compile(rb"<(?:\w+:)?xf\b([^>]*)>")
_ID = re.compile(rb'\bnumFmtId="(\d+)"')
_CODE = re.compile(rb'\bformatCode="([^"]*)"')
_LONGEST = 40


def shown_digits(code: str) -> int:
    """How many digits a format shows at least: 10 for `0000000000`, `0#########` and `0000 000 000`; 0 for others."""
    bare = _LITERALS.sub("", code.partition(";")[0])
    return len(bare) if _ZEROS.fullmatch(bare) and len(bare) <= _LONGEST else 0


def styles_with_zeros(styles: bytes) -> dict[int, int]:
    """Number of a cell style in `xl/styles.xml` -> digits that it shows at least, where it shows leading zeros."""
    widths: dict[bytes, int] = {}
    for tag in _FORMAT.findall(styles):
        number, code = _ID.search(tag), _CODE.search(tag)
        if number and code:
            text = code[1].decode(errors="replace").replace("&quot;", '"').replace("&amp;", "&")
            widths[number[1]] = shown_digits(text)
    found = _CELL_FORMATS.search(styles)
    if not found or not any(widths.values()):
        return {}
    numbers = [_ID.search(tag) for tag in _CELL_FORMAT.findall(found[0])]
    shown = {index: widths.get(number[1], 0) for index, number in enumerate(numbers) if number}
    return {index: width for index, width in shown.items() if width}


class ZeroRuns:
    """In which cells a number is shown with leading zeros: little memory where a column is formatted as a whole."""

    def __init__(self) -> None:
        self._runs: dict[int, list[tuple[int, int, int]]] = {}

    def __bool__(self) -> bool:
        return bool(self._runs)

    @property
    def columns(self) -> tuple[int, ...]:
        """Numbers of the columns that have such cells, in order."""
        return tuple(sorted(self._runs))

    def add(self, row: int, column: int, width: int) -> None:
        """A number cell is shown with `width` digits at least; rows come in order."""
        runs = self._runs.setdefault(column, [])
        if runs and runs[-1][1] in {row - 1, row} and runs[-1][2] == width:
            runs[-1] = (runs[-1][0], row, width)
        else:
            runs.append((row, row, width))

    def width(self, row: int, column: int) -> int:
        """Digits that the cell shows at least; 0 where it shows no zeros."""
        runs = self._runs.get(column, [])
        at = bisect_right(runs, (row, _BEYOND, 0)) - 1
        return runs[at][2] if at >= 0 and runs[at][0] <= row <= runs[at][1] else 0

    def runs(self, column: int) -> Iterator[tuple[int, int, int]]:
        """(First row, last row, digits) of each run of such cells."""
        yield from self._runs.get(column, [])


_BEYOND = 1 << 40


def with_zeros(text: str | None, width: int) -> str | None:
    """A whole number of a cell as its format shows it."""
    return text.zfill(width) if text and width and text.isascii() and text.isdigit() else text
