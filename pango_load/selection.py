"""Which valid rows a load sends, where that depends on other rows: keys that repeat, and groups that are not whole.

It takes a reading of the whole source before the survey: the last row may decide about the first. What it comes to is
kept in the journal row by row, so that the sending pass, a resume and the row files need no second opinion.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import polars as pl

from pango_load.catalogue.problems import describe_problem
from pango_load.payload.duplicates import Duplicates
from pango_load.payload.left_out import LeftOut
from pango_load.records import OnDuplicate, Problem, Severity
from pango_load.report.skips import Skip
from pango_load.validation.judge import Judged, OtherRow, Ruling, rulings_without
from pango_load.validation.record_keys import record_keys
from pango_load.whole_groups import GroupScan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pango_load.journal.reading import JournalReader
    from pango_load.records import FieldMapping
    from pango_load.road import Road
    from pango_load.source.fingerprint import Fingerprint

KEY_REPEATED = "key.repeated"
INCOMPLETE = "group.incomplete"
FOR_OTHERS = (KEY_REPEATED, INCOMPLETE)
"""Codes of rows that are rejected because of another row."""


@dataclass(frozen=True, slots=True)
class Selected:
    """A chunk with the rows that are sent left valid.

    Attributes:
        judged: the others are not valid; those that are rejected have their ruling.
        skipped: valid rows (Boolean, in step) that are left out on purpose, by the reason.
    """

    judged: Judged
    skipped: tuple[tuple[Skip, pl.Series], ...] = ()


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
    also: Sequence[Step] = (),
    after_chunk: Callable[[int], None] = lambda _: None,
) -> Iterator[Selection]:
    """What a survey goes by. Where the mapping asks for it, the whole source is read first.

    Args:
        road: files and mapping.
        folder: where there is room for the keys of a whole source; nothing stays there.
        expected: see `Road.passages`.
        also: further rows that are left out; those are known already.
        after_chunk: called some times a second with the number of rows that were looked at; what it raises ends it.

    Raises:
        LoadStopped: see `Road.passages`.
    """
    if road.mapping.groups:
        with _scanned(road, folder, expected, after_chunk) as scan:
            yield selection_of(road, scan, also)
        return
    policy = road.mapping.on_duplicate
    if policy is OnDuplicate.SEND:
        yield _Narrowing(road, also) if also else All()
        return
    duplicates = Duplicates(folder, policy)
    try:
        for passage in road.passages(expected):
            if passage.judged is not None:
                duplicates.add(_entries(passage.judged, road.mapping))
            after_chunk(passage.last + 1)
        yield _Narrowing(road, [_repeats(road, LeftOut(duplicates.left_out())), *also])
    finally:
        duplicates.close()


@contextmanager
def _scanned(
    road: Road, folder: Path, expected: tuple[Fingerprint, ...] | None, after_chunk: Callable[[int], None]
) -> Iterator[GroupScan]:
    scan = GroupScan(road, folder)
    try:
        for passage in road.passages(expected):
            scan.add(passage)
            after_chunk(passage.last + 1)
        scan.finish()
        yield scan
    finally:
        scan.close()


def selection_of(road: Road, scan: GroupScan, also: Sequence[Step] = ()) -> Selection:
    """What a survey goes by where rows are grouped; `scan` has seen all of them."""
    steps = [
        Step(scan.cut(), Fate(skip=Skip.CUT)),
        Step(scan.incomplete(), Fate(code=INCOMPLETE, field=group_words(road.mapping))),
    ]
    if (repeated := scan.repeated()) is not None:
        steps.append(_repeats(road, repeated))
    return _Narrowing(road, [*steps, *also])


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of rows that are left out: skipped for `skip`, or else rejected with `code` and `field`."""

    skip: Skip | None = None
    code: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Spans of rows that are left out, and what becomes of them."""

    left_out: LeftOut
    fate: Fate


def _repeats(road: Road, left_out: LeftOut) -> Step:
    is_reject = road.mapping.on_duplicate is OnDuplicate.REJECT
    rejected = Fate(code=KEY_REPEATED, field=key_words(road.mapping))
    return Step(left_out, rejected if is_reject else Fate(skip=Skip.REPEATED))


class _Narrowing:
    """Leaves out what each step names, one after the other."""

    def __init__(self, road: Road, steps: Sequence[Step]) -> None:
        self._road, self._steps = road, steps
        self._judge = road.judge()

    def of(self, judged: Judged) -> Selected:
        skipped: list[tuple[Skip, pl.Series]] = []
        for step in self._steps:
            chunk = judged.chunk
            spans = step.left_out.within(chunk.first, chunk.first + chunk.frame.height - 1)
            if not spans.height:
                continue
            named = _rows_of(spans, chunk.first, chunk.frame.height)
            meant = judged.is_valid
            if step.fate.skip is Skip.CUT and judged.grouped is not None:
                meant = judged.grouped.keys.is_not_null()
            rows = named["row"].is_not_null() & meant
            if not rows.any():
                continue
            if step.fate.skip is not None:
                skipped.append((step.fate.skip, rows))
                # A part of a group among rows to be mended would come back as an entry with items missing.
                judged = replace(judged, rulings=tuple(rulings_without(judged.rulings, rows)))
                judged = self._judge.without(judged, rows)
            else:
                judged = self._judge.without(judged, rows, (self._ruling(step.fate, chunk.file, rows, named),))
        return Selected(judged, tuple(skipped))

    def _ruling(self, fate: Fate, file: int, rows: pl.Series, named: pl.DataFrame) -> Ruling:
        indexes = rows.arg_true()
        others = {
            index: OtherRow(row, its_file, row_words(self._road, row, its_file, beside=file))
            for index, (row, its_file) in zip(indexes.to_list(), named[indexes].iter_rows(), strict=True)
        }
        return Ruling(code=fate.code, field=fate.field, rule=None, severity=Severity.ERROR, rows=rows, others=others)


def _rows_of(spans: pl.DataFrame, first: int, height: int) -> pl.DataFrame:
    """`row` and `file` of the span that each row of a chunk is in; null where it is in none."""
    wide = spans.select(
        at=pl.int_ranges(
            pl.max_horizontal(pl.col("first").cast(pl.Int64), first) - first,
            pl.min_horizontal(pl.col("last").cast(pl.Int64), first + height - 1) - first + 1,
        ),
        row="row",
        file="file",
    ).explode("at")
    nothing = pl.repeat(None, height, dtype=pl.Int64, eager=True)
    places = wide["at"]
    return pl.DataFrame({name: nothing.clone().scatter(places, wide[name].cast(pl.Int64)) for name in ("row", "file")})


def key_words(mapping: FieldMapping) -> str:
    """The fields of the record key, in words."""
    return ", ".join(mapping.record_key)


def group_words(mapping: FieldMapping) -> str:
    """What the rows of one entry share, in words: the field, or the column where it becomes none."""
    column = mapping.groups[0].group_by
    return next((rule.target for rule in mapping.columns if rule.column == column), column)


def row_words(road: Road, row: int, file: int, *, beside: int) -> str:
    """How another row is called in a sentence about one of the file `beside`."""
    files = road.source.files
    # The rows of a retry come from one file, whatever files they were from at first.
    name = files[file].path.name if file < len(files) else f"file {file + 1}"
    return f"row {row}" if file == beside else f"row {row} of {name}"


class PlacedRows(Protocol):
    """Whoever remembers what the survey came to: a load's `Journal`, or `Mending` for a retry."""

    @property
    def leaves_out(self) -> bool:
        """Whether valid rows were left out whatever the mapping says."""
        ...

    def placed_positions(self, first: int, last: int) -> list[int]:
        """Positions from `first` to `last` that are in no batch."""
        ...


class Journaled:
    """What the survey came to, as the journal keeps it: for the passes after it, in this process or a later one."""

    def __init__(self, road: Road, journal: PlacedRows) -> None:
        self._journal = journal
        self._judge = road.judge()

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
    return Journaled(road, journal) if is_narrowed(road.mapping) or journal.leaves_out else All()


def is_narrowed(mapping: FieldMapping) -> bool:
    """Whether a valid row may be left out because of other rows."""
    return bool(mapping.groups) or mapping.on_duplicate is not OnDuplicate.SEND


def rejected_for_others(road: Road, journal: JournalReader) -> Iterator[tuple[int, tuple[Problem, ...]]]:
    """Position and problems of the rows that were rejected for another row, in the order of the source."""
    if not is_narrowed(road.mapping):
        return
    for note in journal.rejected_for_others():
        row, file = note.other or (0, 0)
        other = row_words(road, row, file, beside=note.file)
        yield (
            note.position,
            tuple(_problem(code, field, other) for code, field in note.problems if code in FOR_OTHERS),
        )


def _problem(code: str, field: str, other: str) -> Problem:
    message, hint = describe_problem(code, field=field, other=other)
    return Problem(code=code, field=field, column="", value=None, message=message, hint=hint)
