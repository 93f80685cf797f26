"""Ids that lost their leading zeros: numbers shorter than the others of a column, where others begin with a zero."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIGITS = r"^\d{3,30}$"
_CERTAIN = 0.95
_MOST = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """How many digits a whole number has, and one that lost its zeros."""

    digits: int
    shortest: int
    longest: int


_KNOWN = (
    (("cccd", "căn cước", "can cuoc", "citizen id"), _Known(digits=12, shortest=10, longest=11)),
    (("mst", "mã số thuế", "ma so thue", "tax code", "taxcode", "tax_code"), _Known(digits=10, shortest=9, longest=9)),
)
"""Numbers whose length is known, by words of the header.

An identity card of 9 digits (CMND) is no citizen's number of 12 that lost three.
"""


class LostZeros:
    """Finds the columns whose ids have one width, and the cells that are shorter than that.

    Args:
        headers: the columns; those that hold phones are judged by their own rule.
    """

    def __init__(self, headers: Sequence[str]) -> None:
        self._shapes: dict[str, Counter[tuple[bool, int]]] = {name: Counter() for name in headers}
        self._filled: Counter[str] = Counter()
        self._known = {name: shape for name in headers if (shape := _known(name)) is not None}
        self._widths: dict[str, int] | None = None

    def learn(self, frame: pl.DataFrame) -> None:
        """Take in the first records, from which a column's width is known."""
        frame = frame.select(*self._shapes)
        zeros = frame.select(pl.all().str.contains(r"^0\d{2}").any()).row(0, named=True)
        for name, filled in frame.count().row(0, named=True).items():
            self._filled[name] += filled
        for name in (name for name, has_zeros in zeros.items() if has_zeros):
            cells = frame.select(cell=pl.col(name)).filter(pl.col("cell").str.contains(_DIGITS))
            shapes = cells.group_by(zero=pl.col("cell").str.starts_with("0"), width=pl.col("cell").str.len_bytes())
            for zero, width, count in shapes.len().iter_rows():
                self._shapes[name][zero, width] += count
        self._widths = None

    def looks(self) -> dict[str, pl.Expr]:
        """Column -> whether any of its cells has the length of one that lost its zeros: cheap, and rarely so."""
        lengths = {name: (known.shortest, known.longest) for name, known in self._known.items()}
        lengths |= {name: (1, width - 1) for name, width in self._found_widths().items()}
        return {name: pl.col(name).str.len_bytes().is_between(*most).any() for name, most in lengths.items()}

    def test(self, name: str) -> pl.Expr:
        """Whether the cells of a column lost their zeros."""
        if name in self._known:
            known = self._known[name]
            return pl.col(name).str.contains(rf"^[1-9]\d{{{known.shortest - 1},{known.longest - 1}}}$")
        return (pl.col(name).str.len_bytes() < self.width(name)) & pl.col(name).str.contains(r"^[1-9]\d*$")

    def _found_widths(self) -> dict[str, int]:
        if self._widths is None:
            found = {name: self.width(name) for name in self._shapes if name not in self._known}
            self._widths = {name: width for name, width in found.items() if width}
        return self._widths

    def width(self, name: str) -> int:
        """How many digits an id of the column has."""
        if name in self._known:
            return self._known[name].digits
        shapes = self._shapes[name]
        is_of_digits = shapes.total() >= _MOST * self._filled[name]
        return _width(shapes) if is_of_digits else 0


def _known(name: str) -> _Known | None:
    plain = name.casefold()
    return next((known for words, known in _KNOWN if any(word in plain for word in words)), None)


def _width(shapes: Counter[tuple[bool, int]]) -> int:
    """The width of almost all cells that begin with a zero, 0 where there is none or where longer ones are usual."""
    zeros = Counter({width: count for (zero, width), count in shapes.items() if zero})
    if not zeros:
        return 0
    width, count = zeros.most_common(1)[0]
    fitting = sum(times for (_, other), times in shapes.items() if other <= width)
    return width if count >= _CERTAIN * zeros.total() and fitting >= _CERTAIN * shapes.total() else 0
