"""Which valid rows a load sends, where that depends on other rows: record keys that repeat (`onDuplicate`).

It takes a reading of the whole source before the survey: the last row may decide about the first. What it comes to is
kept in the journal row by row, so that the sending pass, a resume and the row files need no second opinion.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import polars as pl

from pango_load.catalogue.problems import describe_problem
from pango_load.payload.duplicates import Duplicates
from pango_load.payload.left_out import LeftOut
from pango_load.records import OnDuplicate, Problem, Severity
from pango_load.validation.judge import Judge, Judged, OtherRow, Ruling
from pango_load.validation.record_keys import record_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pango_load.journal.run import Journal
    from pango_load.records import FieldMapping
    from pango_load.road import Road
    from pango_load.source.fingerprint import Fingerprint

KEY_REPEATED = "key.repeated"


@dataclass(frozen=True, slots=True)
class Selected:
    """A chunk with the rows that are sent left valid.

    Attributes:
        judged: the others are not valid; those that are rejected have their ruling.
        repeated: Boolean, in step: valid rows that are skipped because their record key repeats; None where none is.
    """

    judged: Judged
    repeated: pl.Series | None = None


class Selection(Protocol):
    """Says of each chunk which of its valid rows are sent; chunks come in the order of the source."""

    def of(self, judged: Judged) -> Selected:
        """`judged`, narrowed."""
        ...


class All:
    """Every valid row is sent."""

    def of(self, judged: Judged) -> Selected:
        """`judged` as it is."""
        return Selected(judged)


@contextmanager
def selected(
    road: Road,
    folder: Path,
    *,
    expected: tuple[Fingerprint, ...] | None = None,
    after_chunk: Callable[[int], None] = lambda _: None,
) -> Iterator[Selection]:
    """What a survey goes by. Where the mapping asks for it, the whole source is read first.

    Args:
        road: files and mapping.
        folder: where there is room for the keys of a whole source; nothing stays there.
        expected: see `Road.passages`.
        after_chunk: called some times a second with the number of rows that were looked at; what it raises ends it.

    Raises:
        LoadStopped: see `Road.passages`.
    """
    policy = road.mapping.on_duplicate
    if policy is OnDuplicate.SEND:
        yield All()
        return
    duplicates = Duplicates(folder, policy)
    try:
        for passage in road.passages(expected):
            if passage.judged is not None:
                duplicates.add(_entries(passage.judged, road.mapping))
            after_chunk(passage.last + 1)
        yield _WithoutRepeats(road, LeftOut(duplicates.left_out()))
    finally:
        duplicates.close()


def _entries(judged: Judged, mapping: FieldMapping) -> pl.DataFrame:
    """One line for each valid row: see `Duplicates.add`. Only they compete: a rejected row knocks out no other."""
    valid = judged.is_valid.arg_true()
    positions = (valid.cast(pl.Int64) + judged.chunk.first).cast(pl.UInt32)
    return record_keys(judged.values[valid], mapping).with_columns(
        first=positions,
        last=positions,
        row=judged.chunk.rows.gather(valid).cast(pl.UInt32),
        file=pl.lit(judged.chunk.file, pl.UInt16),
    )


class _WithoutRepeats:
    """Leaves out the entries of `left_out`: skipped under keep-first and keep-last, rejected under reject."""

    def __init__(self, road: Road, left_out: LeftOut) -> None:
        self._road, self._left_out = road, left_out
        self._judge = Judge(road.mapping)

    def of(self, judged: Judged) -> Selected:
        chunk = judged.chunk
        spans = self._left_out.within(chunk.first, chunk.first + chunk.frame.height - 1)
        if not spans.height:
            return Selected(judged)
        indexes = (spans["first"].cast(pl.Int64) - chunk.first).to_list()
        rows = pl.repeat(value=False, n=chunk.frame.height, dtype=pl.Boolean, eager=True).scatter(indexes, values=True)
        if self._road.mapping.on_duplicate is not OnDuplicate.REJECT:
            return Selected(self._judge.without(judged, rows), repeated=rows)
        others = {
            index: OtherRow(row, file, row_words(self._road, row, file, beside=chunk.file))
            for index, (row, file) in zip(indexes, spans.select("row", "file").iter_rows(), strict=True)
        }
        ruling = Ruling(
            code=KEY_REPEATED,
            field=key_words(self._road.mapping),
            rule=None,
            severity=Severity.ERROR,
            rows=rows,
            others=others,
        )
        return Selected(self._judge.without(judged, rows, (ruling,)))


def key_words(mapping: FieldMapping) -> str:
    """The fields of the record key, in words."""
    return ", ".join(mapping.record_key)


def row_words(road: Road, row: int, file: int, *, beside: int) -> str:
    """How another row is called in a sentence about one of the file `beside`."""
    return f"row {row}" if file == beside else f"row {row} of {road.source.files[file].path.name}"


class PlacedRows(Protocol):
    """Whoever remembers what the survey came to: a load's `Journal`, or `Mending` for a retry."""

    def placed_positions(self, first: int, last: int) -> list[int]:
        """Positions from `first` to `last` that are in no batch."""
        ...


class Journaled:
    """What the survey came to, as the journal keeps it: for the passes after it, in this process or a later one."""

    def __init__(self, road: Road, journal: PlacedRows) -> None:
        self._journal = journal
        self._judge = Judge(road.mapping)

    def of(self, judged: Judged) -> Selected:
        """`judged` without the rows that are rejected or skipped."""
        chunk = judged.chunk
        height = chunk.frame.height
        placed = [at - chunk.first for at in self._journal.placed_positions(chunk.first, chunk.first + height - 1)]
        if not placed:
            return Selected(judged)
        rows = pl.repeat(value=False, n=height, dtype=pl.Boolean, eager=True).scatter(placed, values=True)
        return Selected(self._judge.without(judged, rows))


def journaled(road: Road, journal: PlacedRows) -> Selection:
    """What the passes after the survey go by."""
    return All() if road.mapping.on_duplicate is OnDuplicate.SEND else Journaled(road, journal)


def rejected_for_others(road: Road, journal: Journal) -> Iterator[tuple[int, tuple[Problem, ...]]]:
    """Position and problems of the rows that were rejected for another row, in the order of the source."""
    if road.mapping.on_duplicate is not OnDuplicate.REJECT:
        return
    for note in journal.rejected_for_others():
        row, file = note.other or (0, 0)
        other = row_words(road, row, file, beside=note.file)
        yield (
            note.position,
            tuple(_problem(code, field, other) for code, field in note.problems if code == KEY_REPEATED),
        )


def _problem(code: str, field: str, other: str) -> Problem:
    message, hint = describe_problem(code, field=field, other=other)
    return Problem(code=code, field=field, column="", value=None, message=message, hint=hint)
