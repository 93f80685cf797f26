"""One row of a source, from its cells to its entry, step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from pango_load.errors import UsageError
from pango_load.payload.entries import make_entries
from pango_load.records import FieldType, Severity, ZoneRule
from pango_load.report.plain_text import grouped
from pango_load.road import ending, file_names, open_road
from pango_load.valid_rows import group_writer
from pango_load.validation.cells import clean_cells
from pango_load.validation.groups import item_mapping
from pango_load.validation.judge import ZONE_COLUMN
from pango_load.validation.wording import rejected_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pango_load.plan import LoadPlan
    from pango_load.records import Chunk, ColumnRule, FieldMapping, Problem
    from pango_load.road import Road
    from pango_load.validation.judge import Judged

_HOURS_OF_A_ZONE = range(-12, 15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A date, placed in time.

    Attributes:
        local: the reading of the clock that the file's dates are from; None where only the instant is known.
        zone: that clock, in words.
        instant: the moment itself, in UTC.
        sent: the milliseconds in the entry.
        is_shifted: they are the wall clock's, read as GMT-0, for `timezoneGmt` to bring back; else true UTC ones.
    """

    local: datetime | None
    zone: str
    instant: datetime
    sent: int
    is_shifted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How one key of an entry comes about.

    Attributes:
        field: what problems call it.
        origin: the source column, the constant or the template, in words.
        cells: the source's cells as they stand in the file, by column; null where empty.
        cleaned: the text after cleaning; None where there is nothing.
        key: where the value goes in the entry (`customFieldLongs.customFieldLong01`).
        sent: the JSON of the value, exactly; None where the key is left out.
        moment: for dates.
        problems, warnings: of this key.
    """

    field: str
    origin: str
    cells: tuple[tuple[str, str | None], ...]
    cleaned: str | None
    key: str
    sent: str | None
    moment: Moment | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowExplained:
    """One row of a source, from its cells to its entry.

    Attributes:
        is_valid, is_blank: it would be sent; every cell of it is empty, so it is skipped.
        steps: in the order of the entry.
        left_out: columns that are not sent: (name, cell, whether the mapping says so).
        problems, warnings: of the row as a whole.
        entry: its JSON; None where it is not sent. A row of a group is shown with its own item alone.
        raw: the record's own text, where it could not be read as cells.
    """

    file: str
    row: int
    mapping: FieldMapping
    is_valid: bool
    is_blank: bool
    steps: tuple[Step, ...]
    left_out: tuple[tuple[str, str | None, bool], ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    entry: str | None
    raw: str | None = None


def explain_row(plan: LoadPlan, row: int) -> RowExplained:
    """Follow one row to its entry.

    Args:
        plan: what was asked for, with one file; what it leaves out of a load can be explained nevertheless.
        row: as a person counts it (see `Chunk.rows`).

    Raises:
        UsageError: there is no such row, naming those that there are; or see `preview`.
    """
    if len(plan.files) > 1:
        raise UsageError(
            f"--row {row} could mean a row of any of {len(plan.files)} files.", "Name the one file that it is in."
        )
    road = open_road(plan)
    first = last = None
    judge = road.judge()
    with ending(road.source.read_chunks()) as chunks:
        for chunk in chunks:
            if not chunk.frame.height:
                continue
            # In a sorted copy they do not rise.
            lowest, highest = min(chunk.rows), max(chunk.rows)
            first = lowest if first is None else min(first, lowest)
            last = highest if last is None else max(last, highest)
            index = chunk.rows.index_of(row)
            if index is not None:
                if not road.mapping.groups:
                    return _explained(road, judge.judge(_row_alone(chunk, index)), file_names(plan, road)[0])
                # Below the first row of its group, a row is what the rows above make of it.
                return _explained(road, _judged_alone(judge.judge(chunk), index), file_names(plan, road)[0])
            if first < row < last and not plan.reading.sort:
                break
            # A row that is not there is looked for to the end, so that the last one can be named.
            if road.mapping.groups:
                judge.judge(chunk)
    raise _no_row(file_names(plan, road)[0], row, first, last)


def _row_alone(chunk: Chunk, index: int) -> Chunk:
    return replace(
        chunk,
        frame=chunk.frame.slice(index, 1),
        first=chunk.first + index,
        rows=chunk.rows.slice(index, 1),
        damaged={0: chunk.damaged[index]} if index in chunk.damaged else {},
        lines=None if chunk.lines is None else chunk.lines.slice(index, 1),
    )


def _no_row(path: str, row: int, first: int | None, last: int | None) -> UsageError:
    if first is None or last is None:
        return UsageError(f"{path} holds no rows.", "Check what wrote the file.")
    if first < row < last:
        return UsageError(f"Row {grouped(row)} of {path} is blank.", "Name another row.")
    headers = " (the headers stand above)" if row < first else ""
    return UsageError(
        f"{path} has no row {grouped(row)}{headers}: its rows are {grouped(first)} to {grouped(last)}.",
        f"Name one of them, for instance --row {first}.",
    )


def _judged_alone(judged: Judged, index: int) -> Judged:
    """One row of a chunk that was judged."""

    def one(series: pl.Series) -> pl.Series:
        return series.slice(index, 1)

    rulings = [
        replace(ruling, rows=one(ruling.rows), others={0: ruling.others[index]} if index in ruling.others else {})
        for ruling in judged.rulings
        if ruling.rows[index]
    ]
    rows = judged.grouped
    return replace(
        judged,
        chunk=_row_alone(judged.chunk, index),
        values=judged.values.slice(index, 1),
        is_valid=one(judged.is_valid),
        is_blank=one(judged.is_blank),
        rulings=tuple(rulings),
        keys=None if judged.keys is None else one(judged.keys),
        grouped=rows
        and replace(
            rows, keys=one(rows.keys), doubts=one(rows.doubts), items=tuple(item.slice(index, 1) for item in rows.items)
        ),
    )


def _explained(road: Road, judged: Judged, name: str) -> RowExplained:
    mapping, chunk = road.mapping, judged.chunk
    problems = _problems(judged)
    warnings = _problems(_warnings_as_errors(judged))
    steps = [
        *_zone_step(judged, mapping, problems, warnings),
        *_steps(judged, mapping, judged.values, problems, warnings),
    ]
    for at, group in enumerate(mapping.groups):
        if judged.grouped is not None:
            inner, prefix = item_mapping(mapping, group), f"{group.target}."
            items = judged.grouped.items[at]
            steps += _steps(judged, inner, items, _of(problems, prefix), _of(warnings, prefix), prefix=prefix)
    fields = {step.field for step in steps}
    is_valid = bool(judged.is_valid[0])
    return RowExplained(
        file=name,
        row=chunk.rows[0],
        mapping=mapping,
        is_valid=is_valid,
        is_blank=bool(judged.is_blank[0]),
        steps=tuple(steps),
        left_out=_left_out(chunk, mapping),
        problems=tuple(problem for problem in problems if problem.field not in fields),
        warnings=tuple(problem for problem in warnings if problem.field not in fields),
        entry=_entry_of(judged, mapping) if is_valid else None,
        raw=chunk.damaged[0].raw if 0 in chunk.damaged else None,
    )


def _steps(
    judged: Judged,
    mapping: FieldMapping,
    values: pl.DataFrame,
    problems: tuple[Problem, ...],
    warnings: tuple[Problem, ...],
    *,
    prefix: str = "",
) -> Iterator[Step]:
    cleaned = clean_cells(judged.chunk.frame, mapping)
    for index, rule in enumerate(mapping.columns):
        yield _step(
            judged, mapping, rule, values[str(index)], cleaned[str(index)][0], problems, warnings, prefix=prefix
        )


def _of(problems: tuple[Problem, ...], prefix: str) -> tuple[Problem, ...]:
    return tuple(problem for problem in problems if problem.field.startswith(prefix))


def _entry_of(judged: Judged, mapping: FieldMapping) -> str:
    """The entry of one row; of a group, the one that it would make alone."""
    if judged.grouped is None:
        entry: str = make_entries(judged.values, mapping)[0]
        return entry
    writer = group_writer(mapping)
    return str(writer.entries(judged.values, writer.items(judged.grouped.items))[0])


def _problems(judged: Judged) -> tuple[Problem, ...]:
    return next((row.problems for _, row in rejected_rows(judged)), ())


def _warnings_as_errors(judged: Judged) -> Judged:
    """The same row, as if its warnings rejected it: so they are put into words like any other problem."""
    return replace(judged, rulings=tuple(replace(ruling, severity=Severity.ERROR) for ruling in judged.warnings))


def _left_out(chunk: Chunk, mapping: FieldMapping) -> tuple[tuple[str, str | None, bool], ...]:
    read = {name for rule in mapping.columns for name in rule.columns} | {mapping.zone.column}
    read |= {group.group_by for group in mapping.groups}
    read |= {name for group in mapping.groups for rule in group.columns for name in rule.columns}
    frame = chunk.frame
    return tuple((name, frame[name][0], name in mapping.left_out) for name in frame.columns if name not in read)


def _step(
    judged: Judged,
    mapping: FieldMapping,
    rule: ColumnRule,
    value: pl.Series,
    cleaned: str | None,
    problems: tuple[Problem, ...],
    warnings: tuple[Problem, ...],
    *,
    prefix: str,
) -> Step:
    frame = judged.chunk.frame
    field = prefix + rule.target
    return Step(
        field=field,
        origin=_origin(rule),
        cells=tuple((name, frame[name][0]) for name in rule.columns),
        cleaned=cleaned,
        key=prefix + (f"{rule.container}.{rule.target}" if rule.container else rule.target),
        sent=_json_of(value, rule, mapping),
        moment=_moment(value[0], rule, mapping.zone, _hours(judged, mapping.zone)),
        problems=tuple(problem for problem in problems if problem.field == field),
        warnings=tuple(problem for problem in warnings if problem.field == field),
    )


def _zone_step(
    judged: Judged, mapping: FieldMapping, problems: tuple[Problem, ...], warnings: tuple[Problem, ...]
) -> tuple[Step, ...]:
    """`timezoneGmt` has no rule of its own where it comes from a column, row by row."""
    column = mapping.zone.column
    if column is None:
        return ()
    cell: str | None = judged.chunk.frame[column][0]
    hours = _hours(judged, mapping.zone)
    step = Step(
        field=ZONE_COLUMN,
        origin=column,
        cells=((column, cell),),
        cleaned=(cell or "").strip() or None,
        key=ZONE_COLUMN,
        sent=None if hours is None else str(hours),
        problems=tuple(problem for problem in problems if problem.field == ZONE_COLUMN),
        warnings=tuple(problem for problem in warnings if problem.field == ZONE_COLUMN),
    )
    return (step,)


def _origin(rule: ColumnRule) -> str:
    if rule.column is not None:
        return rule.column
    return "constant" if rule.constant is not None else f"computed {rule.template}"


def _json_of(value: pl.Series, rule: ColumnRule, mapping: FieldMapping) -> str | None:
    """The value as the entry has it: an entry of this one key, without what stands around the value."""
    one_key = replace(mapping, columns=(rule,), zone=ZoneRule())
    alone: str = make_entries(pl.DataFrame({"0": value}), one_key)[0]
    before = f'{{"{rule.target}":' if rule.container is None else f'{{"{rule.container}":{{"{rule.target}":'
    after = "}" if rule.container is None else "}}"
    return alone[len(before) : -len(after)] if alone.startswith(before) else None


def _hours(judged: Judged, zone: ZoneRule) -> int | None:
    """`timezoneGmt` of this row; None where it has none."""
    if zone.column is None:
        return zone.offset_hours
    hours: object = judged.values[ZONE_COLUMN][0]
    return hours if isinstance(hours, int) and hours in _HOURS_OF_A_ZONE else None


def _moment(value: object, rule: ColumnRule, zone: ZoneRule, hours: int | None) -> Moment | None:
    if rule.rule.type is not FieldType.TIMESTAMP or not isinstance(value, int):
        return None
    if zone.timezone is not None:
        local = _utc(value).astimezone(ZoneInfo(zone.timezone))
        return Moment(local=local, zone=zone.timezone, instant=_utc(value), sent=value)
    if hours is None:
        return Moment(local=None, zone="", instant=_utc(value), sent=value)
    shift = timedelta(hours=hours)
    instant = _utc(value) if zone.instants else _utc(value) - shift
    return Moment(
        local=instant + shift, zone=f"GMT{hours:+d}", instant=instant, sent=value, is_shifted=not zone.instants
    )


def _utc(milliseconds: int) -> datetime:
    # `fromtimestamp` does not take times before 1970 on every system.
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
