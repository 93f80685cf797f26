"""Every column of a chunk, typed: at a glance where that is enough, carefully where it is not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import polars as pl

from pango_load.validation.cells import clean_cells
from pango_load.validation.glance import Glance, Glancer
from pango_load.validation.values import Finding, Values, type_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pango_load.records import FieldMapping


@dataclass(frozen=True, slots=True)
class TypedColumns:
    """A chunk by the rules of a mapping, in the order of the rules.

    Attributes:
        typed: what is sent and what is wrong, in step with the frame.
        cells: the text that each was made from, where only its being there or not counts: it may not be cleaned.
    """

    typed: tuple[Values, ...]
    cells: tuple[pl.Series, ...]


class ColumnReader:
    """Reads chunks by one mapping."""

    def __init__(self, mapping: FieldMapping) -> None:
        self._mapping = mapping
        self._glancer = Glancer(mapping)

    def read(self, frame: pl.DataFrame, *, offsets: pl.Series | None, is_plain: bool) -> TypedColumns:
        """Type every column.

        Args:
            frame: the chunk's.
            offsets: hours of `timezoneGmt` row by row; see `values.type_values`.
            is_plain: see `Chunk.is_plain`.
        """
        seen = self._glancer.look(frame, is_plain=is_plain) if offsets is None else Glance()
        indexes = range(len(self._mapping.columns))
        whole = self._read_carefully(frame, [at for at in indexes if at not in seen.values], offsets)
        if not whole and not seen.left:
            return self._all(frame, {}, seen)
        return self._all(frame, whole | self._read_left(frame, seen), seen)

    def _all(self, frame: pl.DataFrame, read: dict[int, tuple[Values, pl.Series]], seen: Glance) -> TypedColumns:
        both = [
            read[at] if at in read else (Values(seen.values[at]), frame.get_column(rule.column or ""))
            for at, rule in enumerate(self._mapping.columns)
        ]
        return TypedColumns(tuple(typed for typed, _ in both), tuple(cells for _, cells in both))

    def _read_carefully(
        self, frame: pl.DataFrame, indexes: Sequence[int], offsets: pl.Series | None
    ) -> dict[int, tuple[Values, pl.Series]]:
        if not indexes:
            return {}
        text = clean_cells(frame, self._mapping, indexes)
        rules, zone = self._mapping.columns, self._mapping.zone
        return {at: (type_values(text[str(at)], rules[at], zone, offsets), text[str(at)]) for at in indexes}

    def _read_left(self, frame: pl.DataFrame, seen: Glance) -> dict[int, tuple[Values, pl.Series]]:
        """Read the cells that are left over carefully, and put them back in place."""
        if not seen.left:
            return {}
        is_left = reduce(or_, seen.left.values())
        rows = is_left.arg_true()
        columns = {self._mapping.columns[at].column or "": None for at in seen.left}
        few = frame.select(frame.get_column(name) for name in columns).filter(is_left)
        text = clean_cells(few, self._mapping, list(seen.left))
        nothing = pl.repeat(value=False, n=frame.height, dtype=pl.Boolean, eager=True)
        put: dict[int, tuple[Values, pl.Series]] = {}
        for at, left in seen.left.items():
            rule, own = self._mapping.columns[at], left.filter(is_left)
            places, read = rows.filter(own), text[str(at)].filter(own)
            typed = type_values(read, rule, self._mapping.zone, None)
            findings = tuple(
                Finding(
                    code=finding.code,
                    rows=nothing.clone().scatter(places.filter(finding.rows), values=True),
                    places=finding.places,
                )
                for finding in typed.findings
                if finding.rows.any()
            )
            cells = frame.get_column(rule.column or "")
            values = seen.values[at].clone().scatter(places, typed.values)
            put[at] = (Values(values, findings), cells.clone().scatter(places, read))
        return put
