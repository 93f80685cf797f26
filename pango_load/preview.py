"""What a load would send, shown before it sends: the first entries as their request, or one row step by step."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from pango_load.errors import UsageError
from pango_load.payload.entries import make_entries
from pango_load.payload.frame import make_frame
from pango_load.records import FieldType, Severity, ZoneRule
from pango_load.report.plain_text import grouped
from pango_load.road import open_road, request_source
from pango_load.validation.cells import clean_cells
from pango_load.validation.judge import ZONE_COLUMN, Judge
from pango_load.validation.wording import rejected_rows

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import TypeVar

    from pango_load.plan import LoadPlan
    from pango_load.records import Chunk, ColumnRule, FieldMapping, Problem, RejectedRow
    from pango_load.road import Road
    from pango_load.validation.judge import Judged

    Yielded = TypeVar("Yielded")

REJECTS_KEPT = 3
_HOURS_OF_A_ZONE = range(-12, 15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The request that would carry the first entries.

    Attributes:
        files: what was read, as it was named.
        mapping: by which rows became entries.
        source: the request's `source`.
        body: the bytes that would be sent; None where no row gives an entry.
        rows: the row of each entry, as a person counts it in its file.
        looked_at: rows that were read for it, the rejected and blank ones included.
        rejected: the first few rows that were turned down on the way.
        rejected_count: how many there were on the way.
        is_all: the source holds no further entries.
        repeated: rows whose record key stands in an earlier row of `rows`; see `onDuplicate`.
        deletes: rows of `rows` whose `recordStatus` is Deleted.
    """

    files: tuple[str, ...]
    mapping: FieldMapping
    source: str
    body: bytes | None
    rows: tuple[int, ...]
    looked_at: int
    rejected: tuple[RejectedRow, ...]
    rejected_count: int
    is_all: bool
    repeated: tuple[int, ...]
    deletes: tuple[int, ...]


def preview(plan: LoadPlan, *, entries: int = 3) -> Preview:
    """Read as far as it takes to make `entries` entries, by the rules of a load; nothing is sent or written.

    Raises:
        UsageError: the files or the mapping cannot be used, or a wall-clock time has no zone (see `Judge.judge`).
    """
    road = open_road(plan)
    source = request_source(plan, road.mapping)
    seen = _Seen(road.mapping, entries)
    is_all = True
    with _ending(road.passages()) as passages:
        for passage in passages:
            if passage.judged is not None:
                seen.add(passage.judged)
            if seen.is_full:
                is_all = False
                break
    return Preview(
        files=_names(plan, road),
        mapping=road.mapping,
        source=source,
        body=make_frame(road.mapping, source).body(seen.entries) if seen.entries else None,
        rows=tuple(seen.rows),
        looked_at=seen.looked_at,
        rejected=tuple(seen.rejected),
        rejected_count=seen.rejected_count,
        is_all=is_all,
        repeated=tuple(seen.repeated),
        deletes=tuple(seen.deletes),
    )


def _names(plan: LoadPlan, road: Road) -> tuple[str, ...]:
    return ("standard input",) if plan.spool is not None else tuple(str(file.path) for file in road.source.files)


class _Seen:
    """The entries so far, and what came by on the way to them."""

    def __init__(self, mapping: FieldMapping, wanted: int) -> None:
        self._mapping, self._wanted = mapping, wanted
        self._keys: set[int] = set()
        self.entries: list[bytes] = []
        self.rows: list[int] = []
        self.looked_at = 0
        self.rejected: list[RejectedRow] = []
        self.rejected_count = 0
        self.repeated: list[int] = []
        self.deletes: list[int] = []

    @property
    def is_full(self) -> bool:
        return len(self.entries) >= self._wanted

    def add(self, judged: Judged) -> None:
        valid = judged.is_valid.arg_true()
        taken = valid.head(self._wanted - len(self.entries))
        complete = len(self.entries) + len(taken) >= self._wanted
        end = int(taken[-1]) + 1 if complete and len(taken) else judged.chunk.frame.height
        self.looked_at += end
        for index, row in rejected_rows(judged):
            if index >= end:
                break
            self.rejected_count += 1
            if len(self.rejected) < REJECTS_KEPT:
                self.rejected.append(row)
        made = make_entries(judged.values[taken], self._mapping).to_list() if len(taken) else []
        for index, entry in zip(taken.to_list(), made, strict=True):
            row = judged.chunk.rows[index]
            self.rows.append(row)
            self.entries.append(entry.encode())
            if str(json.loads(entry).get("recordStatus", "")).lower() == "deleted":
                self.deletes.append(row)
            key = None if judged.keys is None else judged.keys[index]
            if key is not None and key in self._keys:
                self.repeated.append(row)
            elif key is not None:
                self._keys.add(key)


def _ending(chunks: Iterator[Yielded]) -> closing[Generator[Yielded]]:
    """Files are let go of when enough was read, not when memory is cleared up."""
    return closing(item for item in chunks)


# --- one row, step by step --------------------------------------------------------------------------------------------


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
        origin: the source column, the constant or the template, in words.
        cells: the source's cells as they stand in the file, by column; null where empty.
        cleaned: the text after cleaning; None where there is nothing.
        key: where the value goes in the entry (`customFieldLongs.customFieldLong01`).
        sent: the JSON of the value, exactly; None where the key is left out.
        moment: for dates.
        problems, warnings: of this key.
    """

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
        entry: its JSON; None where it is not sent.
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
    with _ending(road.source.read_chunks()) as chunks:
        for chunk in chunks:
            if not chunk.frame.height:
                continue
            first = first if first is not None else chunk.rows[0]
            last = chunk.rows[-1]
            if last < row or row < first:
                # A row above the first is looked for to the end, so that the last one can be named.
                continue
            index = chunk.rows.search_sorted(row)
            if chunk.rows[index] == row:
                return _explained(road, _row_alone(chunk, index), _names(plan, road)[0])
            break
    raise _no_row(_names(plan, road)[0], row, first, last)


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


def _explained(road: Road, chunk: Chunk, name: str) -> RowExplained:
    mapping = road.mapping
    judged = Judge(mapping).judge(chunk)
    problems = _problems(judged)
    warnings = _problems(_warnings_as_errors(judged))
    cleaned = clean_cells(chunk.frame, mapping)
    steps = tuple(
        _step(judged, mapping, index, cleaned[str(index)][0], problems, warnings)
        for index, rule in enumerate(mapping.columns)
    )
    steps = (*_zone_step(judged, mapping, problems, warnings), *steps)
    fields = {step.key.rpartition(".")[2] for step in steps}
    is_valid = bool(judged.is_valid[0])
    return RowExplained(
        file=name,
        row=chunk.rows[0],
        mapping=mapping,
        is_valid=is_valid,
        is_blank=bool(judged.is_blank[0]),
        steps=steps,
        left_out=_left_out(chunk, mapping),
        problems=tuple(problem for problem in problems if problem.field not in fields),
        warnings=tuple(problem for problem in warnings if problem.field not in fields),
        entry=make_entries(judged.values, mapping)[0] if is_valid else None,
        raw=chunk.damaged[0].raw if 0 in chunk.damaged else None,
    )


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
    index: int,
    cleaned: str | None,
    problems: tuple[Problem, ...],
    warnings: tuple[Problem, ...],
) -> Step:
    rule = mapping.columns[index]
    frame = judged.chunk.frame
    value = judged.values[str(index)]
    return Step(
        origin=_origin(rule),
        cells=tuple((name, frame[name][0]) for name in rule.columns),
        cleaned=cleaned,
        key=f"{rule.container}.{rule.target}" if rule.container else rule.target,
        sent=_json_of(value, rule, mapping),
        moment=_moment(value[0], rule, mapping.zone, _hours(judged, mapping.zone)),
        problems=tuple(problem for problem in problems if problem.field == rule.target),
        warnings=tuple(problem for problem in warnings if problem.field == rule.target),
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
