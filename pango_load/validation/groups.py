"""Rows that are grouped into entries are judged: each as an item, and together as the entry that they make."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import polars as pl

from pango_load.records import Chunk, ColumnRule, FieldMapping, FieldRule, ObjectType, Severity
from pango_load.validation.cells import clean_cells
from pango_load.validation.judge import ZONE_COLUMN, GroupedRows, Judge, Judged, OtherRow, Ruling

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pango_load.records import RowGroups

DOUBT_COLUMN = "\x00doubt"
"""In the frames of a sorted copy: `GroupedRows.doubts` of the file as it was."""

DIFFERS = "group.differs"
NO_KEY = "group.no-key"
_DAMAGE = "source."


class SortMarks:
    """By what the rows of a source are brought together, chunk by chunk: their group's key.

    A row that cannot be placed stays behind the one before it; the row after it is told that it may be of its group.
    """

    def __init__(self, mapping: FieldMapping) -> None:
        self._reader = GroupJudge(mapping)
        self._key = ""

    def of(self, chunk: Chunk) -> tuple[pl.Series, pl.DataFrame]:
        """The keys (String, never null), and `DOUBT_COLUMN` with the numbers of rows that could not be placed."""
        keys = self._reader.keys(chunk)
        doubts = self._reader.doubts(chunk, keys, blank_rows(chunk)).cast(pl.String)
        known = keys.fill_null(strategy="forward").fill_null(self._key)
        if len(known):
            self._key = str(known[-1])
        return known, pl.DataFrame({DOUBT_COLUMN: doubts})


@dataclass(frozen=True, slots=True)
class _Open:
    """The group that the last row belongs to: its key, and its first row with the cells as they stand in the file."""

    key: str
    frame: pl.DataFrame
    row: int
    file: int
    is_plain: bool


class GroupJudge:
    """Judges the chunks of one source, in its order, by a mapping that groups rows.

    An entry's own fields are those of its first row: below it, a cell may be empty, or must say the same. So a row is
    judged with the cells of its first row in the place of empty ones, and what is wrong with those is told of the first
    alone. What is kept between chunks is that one row, however large a group is.

    Args:
        mapping: with groups, all by the same column.
        files: how the files of the run are called, for sentences about a row of another one.
    """

    def __init__(self, mapping: FieldMapping, files: Sequence[str] = ()) -> None:
        self._mapping = mapping
        self._files = files
        self._by = mapping.groups[0].group_by
        self._entry = Judge(replace(mapping, groups=()))
        self._items = [(group, Judge(item_mapping(mapping, group))) for group in mapping.groups]
        own = dict.fromkeys(name for rule in mapping.columns for name in rule.columns)
        self._own_columns = list(own | ({mapping.zone.column: None} if mapping.zone.column else {}))
        self._key_mapping = replace(mapping, columns=(_key_rule(mapping, self._by),))
        self._open: _Open | None = None
        self._doubt: int | None = None
        self._next = -1

    def keys(self, chunk: Chunk) -> pl.Series:
        """What the rows of one entry share, cleaned as the mapping says (String); null where a row cannot be placed."""
        text = clean_cells(chunk.frame, self._key_mapping)["0"]
        if chunk.damaged:
            text = text.scatter(list(chunk.damaged), None)
        return text

    def judge(self, chunk: Chunk) -> Judged:
        """Judge the next chunk; see `Judge.judge`. A group that began in a chunk that was left out begins anew here."""
        if chunk.first != self._next:
            self._open = self._doubt = None
        self._next = chunk.first + chunk.frame.height
        keys = self.keys(chunk)
        carried = self._open if self._open is not None and self._open.key == _first_of(keys) else None
        whole = _Whole.of(chunk, keys, carried, self._own_columns, self._mapping.nulls)
        entry = self._entry.judge(whole.filled)
        rulings = [ruling for given in entry.rulings if (ruling := whole.own(given)) is not None]
        rulings += self._differing(entry, whole)
        values = entry.values.slice(whole.shift)
        items: list[pl.DataFrame] = []
        for group, judge in self._items:
            item = judge.judge(chunk)
            items.append(item.values)
            rulings += [
                replace(ruling, field=f"{group.target}.{ruling.field}")
                for ruling in item.rulings
                if not ruling.code.startswith(_DAMAGE)
            ]
        is_blank = entry.is_blank.slice(whole.shift)
        rulings += self._keyless(chunk, keys, is_blank)
        if is_blank.any():
            rulings = [ruling for given in rulings if (ruling := _on(given, ~is_blank)) is not None]
        errors = [ruling.rows for ruling in rulings if ruling.severity is Severity.ERROR]
        is_valid = ~reduce(or_, errors, is_blank)
        doubts = self.doubts(chunk, keys, is_blank)
        self._keep(chunk, whole, keys)
        judged = Judged(
            chunk=chunk,
            values=values,
            is_valid=is_valid,
            is_blank=is_blank,
            rulings=tuple(rulings),
            keys=None if entry.keys is None else entry.keys.slice(whole.shift),
            deletes=entry.deletes,
            grouped=GroupedRows(keys=keys, doubts=doubts, items=tuple(items)),
        )
        return self.without(judged, ~is_valid)

    def without(self, judged: Judged, rows: pl.Series, rulings: tuple[Ruling, ...] = ()) -> Judged:
        """See `Judge.without`."""
        return self._entry.without(judged, rows, rulings)

    def _keep(self, chunk: Chunk, whole: _Whole, keys: pl.Series) -> None:
        last = keys.is_not_null().arg_true()
        if not len(last):
            return
        at = whole.firsts[int(last[-1]) + whole.shift] - whole.shift
        if at >= 0:
            self._open = _Open(
                key=keys[at],
                frame=chunk.frame.slice(at, 1),
                row=chunk.rows[at],
                file=chunk.file,
                is_plain=chunk.is_plain,
            )

    def doubts(self, chunk: Chunk, keys: pl.Series, is_blank: pl.Series) -> pl.Series:
        """See `GroupedRows`: a row that cannot be placed may belong to the entry after it as to the one before."""
        if DOUBT_COLUMN in chunk.frame.columns:
            return chunk.frame.get_column(DOUBT_COLUMN).cast(pl.Int64)
        lost = keys.is_null() & ~is_blank
        if not lost.any() and self._doubt is None:
            return pl.repeat(None, len(keys), dtype=pl.Int64, eager=True)
        # Of the rows that are not blank: the number of a lost one, carried to the next.
        seen = pl.DataFrame({"row": chunk.rows, "lost": lost}).filter(~is_blank)
        marks = seen.select(pl.when("lost").then("row").alias("mark")).to_series()
        before = marks.shift(1)
        if len(before):
            before = before.scatter(0, self._doubt)
            self._doubt = marks[-1]
        nothing = pl.repeat(None, len(keys), dtype=pl.Int64, eager=True)
        return nothing.scatter((~is_blank).arg_true(), before.cast(pl.Int64)) if len(before) else nothing

    def _keyless(self, chunk: Chunk, keys: pl.Series, is_blank: pl.Series) -> Iterator[Ruling]:
        rule = self._key_mapping.columns[0]
        lacking = keys.is_null() & ~is_blank
        if chunk.damaged:
            lacking = lacking.scatter(list(chunk.damaged), values=False)
        # A required field that is empty says so already.
        if not rule.rule.required and lacking.any():
            yield Ruling(code=NO_KEY, field=rule.target, rule=rule, severity=Severity.ERROR, rows=lacking)

    def _differing(self, entry: Judged, whole: _Whole) -> Iterator[Ruling]:
        """The entry's own fields must agree wherever a row of a group says something."""
        below = whole.is_below
        if not below.any():
            return
        columns = [(str(index), rule) for index, rule in enumerate(self._mapping.columns) if rule.constant is None]
        if ZONE_COLUMN in entry.values.columns:
            columns.append((ZONE_COLUMN, _zone_rule(self._mapping)))
        for name, rule in columns:
            column = entry.values[name]
            if isinstance(column.dtype, pl.List):
                column = column.list.join("\x1f")
            wrong = [one.rows for one in entry.errors if one.rule is not None and one.field == rule.target]
            is_wrong = reduce(or_, wrong) if wrong else None
            differs = below & column.ne_missing(column.gather(whole.firsts))
            if is_wrong is not None:
                differs &= ~is_wrong & ~is_wrong.gather(whole.firsts)
            if not differs.any():
                continue
            severity = self._entry.severity(DIFFERS, rule.target, rule.rule.shape)
            if severity is Severity.OFF:
                continue
            rows = differs.slice(whole.shift)
            others = {at: self._first_row(whole, at) for at in rows.arg_true().to_list()}
            yield Ruling(code=DIFFERS, field=rule.target, rule=rule, severity=severity, rows=rows, others=others)

    def _first_row(self, whole: _Whole, at: int) -> OtherRow:
        first = whole.firsts[at + whole.shift]
        row = whole.filled.rows[first]
        file = whole.file if first >= whole.shift else whole.carried_file
        name = self._files[file] if file < len(self._files) else f"file {file + 1}"
        words = f"row {row}" if file == whole.file else f"row {row} of {name}"
        return OtherRow(row, file, words)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whole:
    """A chunk behind the first row of the group that it goes on with, empty cells filled from each group's first row.

    Attributes:
        filled: what is judged.
        shift: 1 where that row stands before the chunk's own, else 0.
        firsts: for each row of `filled`, the index of its group's first row; its own where it has no group.
        said: by column, whether the cell of the file says something; in step with `filled`.
    """

    filled: Chunk
    shift: int
    firsts: pl.Series
    said: pl.DataFrame
    places: dict[str, str]
    file: int
    carried_file: int

    @classmethod
    def of(
        cls, chunk: Chunk, keys: pl.Series, carried: _Open | None, columns: Sequence[str], nulls: Sequence[str]
    ) -> _Whole:
        shift = 1 if carried is not None else 0
        frame, rows = chunk.frame, chunk.rows
        if carried is not None:
            frame = pl.concat([carried.frame.select(frame.columns), frame])
            rows = pl.concat([pl.Series([carried.row], dtype=rows.dtype), rows])
            keys = pl.concat([pl.Series([carried.key], dtype=pl.String), keys])
        firsts = _firsts(keys)
        places = {name: str(at) for at, name in enumerate(columns)}
        cells = frame.select(frame.get_column(name).alias(place) for name, place in places.items())
        said = cells.select(_says(place, nulls) for place in places.values())
        filled = cells.select(
            pl.when(said[place]).then(pl.col(place)).otherwise(cells[place].gather(firsts)).alias(name)
            for name, place in places.items()
        )
        return cls(
            filled=replace(
                chunk,
                frame=frame.with_columns(filled.get_columns()).drop(DOUBT_COLUMN, strict=False),
                rows=rows,
                first=chunk.first - shift,
                damaged={index + shift: damage for index, damage in chunk.damaged.items()},
                lines=None,
                is_plain=chunk.is_plain and (carried is None or carried.is_plain),
            ),
            shift=shift,
            firsts=firsts,
            said=said,
            places=places,
            file=chunk.file,
            carried_file=carried.file if carried is not None else chunk.file,
        )

    @property
    def is_below(self) -> pl.Series:
        """The rows that are not the first of their group."""
        return self.firsts != pl.int_range(len(self.firsts), eager=True)

    def own(self, ruling: Ruling) -> Ruling | None:
        """The ruling on the chunk's own rows; what was found in a cell filled in is told of the first row alone."""
        told = ~self.is_below
        if ruling.rule is not None and ruling.rule.column in self.places:
            told |= self.said[self.places[ruling.rule.column]]
        return _on(replace(ruling, rows=(ruling.rows & told).slice(self.shift)), None)


def item_mapping(mapping: FieldMapping, group: RowGroups) -> FieldMapping:
    """The mapping by which a row becomes one item of `group`."""
    rule = mapping.object_type.field(group.target)
    kind = ObjectType(
        name=f"{group.target} of {mapping.object_type.name}",
        title=group.target,
        fields=rule.fields if rule is not None else (),
        custom_fields=rule.custom_fields if rule is not None else None,
        coverage=mapping.object_type.coverage,
    )
    return replace(mapping, object_type=kind, columns=group.columns, groups=(), record_key=())


def _key_rule(mapping: FieldMapping, column: str) -> ColumnRule:
    """The rule that reads the column by which rows are grouped; a default would make one group of unlike rows."""
    rule = next((rule for rule in mapping.columns if rule.column == column and rule.container is None), None)
    if rule is None:
        return ColumnRule(target=column, rule=FieldRule(name=column), column=column)
    return replace(rule, default=None)


def _zone_rule(mapping: FieldMapping) -> ColumnRule:
    return ColumnRule(target=ZONE_COLUMN, rule=FieldRule(name=ZONE_COLUMN), column=mapping.zone.column)


def blank_rows(chunk: Chunk) -> pl.Series:
    """Rows whose every cell is empty."""
    names = enumerate(chunk.frame.columns)
    cells = pl.DataFrame([chunk.frame.get_column(name).alias(str(at)) for at, name in names])
    says = pl.any_horizontal(pl.all().str.strip_chars().str.len_bytes() > 0).fill_null(value=False)
    is_blank = ~cells.select(says).to_series()
    return is_blank.scatter(list(chunk.damaged), values=False) if chunk.damaged else is_blank


def _first_of(keys: pl.Series) -> str | None:
    known = keys.drop_nulls()
    return str(known[0]) if len(known) else None


def _firsts(keys: pl.Series) -> pl.Series:
    """For each row the index of the first one of its run of equal keys; rows without one interrupt nothing."""
    own = pl.int_range(len(keys), eager=True)
    placed = keys.is_not_null()
    known = keys.filter(placed)
    is_start = known.ne_missing(known.shift(1))
    if len(known):
        is_start = is_start.scatter(0, values=True)
    starts = own.filter(placed).filter(is_start)
    if not len(starts):
        return own
    firsts = starts.gather(is_start.cum_sum() - 1)
    return own.scatter(placed.arg_true(), firsts)


def _says(place: str, nulls: Sequence[str]) -> pl.Expr:
    text = pl.col(place).str.strip_chars()
    says = text.str.len_bytes() > 0
    if nulls:
        says &= ~text.is_in(list(nulls))
    return says.fill_null(value=False)


def _on(ruling: Ruling, rows: pl.Series | None) -> Ruling | None:
    """The ruling on `rows` alone; None where nothing is left of it."""
    left = ruling.rows if rows is None else ruling.rows & rows
    if not left.any():
        return None
    others = {at: other for at, other in ruling.others.items() if left[at]}
    return dataclasses.replace(ruling, rows=left, others=others)
