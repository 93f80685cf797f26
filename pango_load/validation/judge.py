"""The rows of a chunk are judged, whole columns at a time: what may be sent, what is rejected, what is remarkable."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING

import polars as pl

from pango_load.catalogue.problems import PROBLEM_KINDS
from pango_load.errors import UsageError
from pango_load.records import ColumnRule, FieldMapping, FieldRule, FieldType, Requirement, Severity, Shape
from pango_load.validation.columns import ColumnReader
from pango_load.validation.old_offsets import moved_since
from pango_load.validation.record_keys import record_key_indexes
from pango_load.validation.values import Finding, type_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pango_load.records import Chunk, Damage

ZONE_COLUMN = "timezoneGmt"
"""Name of the column of `Judged.values` that holds the hours of `timezoneGmt`, where they differ row by row."""

_ZONE_RULE = FieldRule(name="timezoneGmt", type=FieldType.LONG, documented_type="integer", shape=Shape.ZONE)
_RECORD_STATUS = "recordStatus"
_KEY_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class OtherRow:
    """Another row of the load: its number and file, and how it is called in a sentence (`row 5 of b.csv`)."""

    row: int
    file: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """One problem and the rows that have it.

    Attributes:
        code: from the catalogue of problems.
        field: Pango's field or slot; several, joined, for a requirement; empty for the row as a whole.
        rule: the column rule it was found by; for a requirement its first that is mapped, None where none is.
        severity: ERROR or WARN.
        rows: Boolean, in step with the chunk's frame.
        places: what the sentence needs beside the row's own value.
        others: by index: the row that a row is rejected for, where that is another one.
    """

    code: str
    field: str
    rule: ColumnRule | None
    severity: Severity
    rows: pl.Series
    places: Mapping[str, str] = dataclasses.field(default_factory=dict)
    others: Mapping[int, OtherRow] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedRows:
    """Which rows of a chunk belong together, in step with its frame.

    Attributes:
        keys: String, what the rows of one entry share; null where a row cannot be placed, or is blank.
        doubts: Int64, the number of a row that could not be placed and may belong to the entry of this one, since it
            stands right before it; null where there is none.
        items: for each nested list, the typed values of the item that each row gives.
    """

    keys: pl.Series
    doubts: pl.Series
    items: tuple[pl.DataFrame, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A chunk, judged.

    Attributes:
        chunk: what was judged.
        values: one typed column for each rule of the mapping, named by its index, and `timezoneGmt` where it differs
            row by row; in step with the chunk's frame.
        is_valid: Boolean: the row may be sent.
        is_blank: Boolean: every cell of the row is empty; it is skipped.
        rulings: errors and warnings that some row has.
        keys: UInt64 hash of the record key, null where a part of it is empty; None where nothing identifies a record.
        deletes: valid rows whose `recordStatus` is Deleted.
        grouped: what makes items of rows, where the mapping groups them.
    """

    chunk: Chunk
    values: pl.DataFrame
    is_valid: pl.Series
    is_blank: pl.Series
    rulings: tuple[Ruling, ...]
    keys: pl.Series | None
    deletes: int
    grouped: GroupedRows | None = None

    @property
    def errors(self) -> Iterator[Ruling]:
        """The rulings that reject a row."""
        return (ruling for ruling in self.rulings if ruling.severity is Severity.ERROR)

    @property
    def warnings(self) -> Iterator[Ruling]:
        """The rulings that let a row through."""
        return (ruling for ruling in self.rulings if ruling.severity is Severity.WARN)


class Judge:
    """Judges chunks by one mapping; it keeps nothing between chunks, so two passes judge alike."""

    def __init__(self, mapping: FieldMapping) -> None:
        self._mapping = mapping
        self._reader = ColumnReader(mapping)
        self._by_target = {rule.target: index for index, rule in enumerate(mapping.columns) if rule.container is None}

    def judge(self, chunk: Chunk) -> Judged:
        """Judge every row of `chunk`.

        Raises:
            UsageError: a wall-clock time, and neither mapping nor --timezone says in which zone it is.
        """
        offsets, rulings = self._offsets(chunk.frame)
        read = self._reader.read(chunk.frame, offsets=offsets, is_plain=chunk.is_plain)
        values = {str(index): typed.values for index, typed in enumerate(read.typed)}
        for typed, rule in zip(read.typed, self._mapping.columns, strict=True):
            for finding in (*typed.findings, *self._old_clock(typed.values, rule)):
                if finding.rows.any():
                    rulings.extend(self._spoken(finding, rule))
                    self._demand_zone(finding, rule, chunk)
        if offsets is not None:
            values[ZONE_COLUMN] = offsets
        text = pl.DataFrame([cells.alias(str(index)) for index, cells in enumerate(read.cells)])
        rulings.extend(self._missing(text))
        return self._closed(chunk, pl.DataFrame(values), text, rulings)

    def without(self, judged: Judged, rows: pl.Series, rulings: tuple[Ruling, ...] = ()) -> Judged:
        """The same chunk when `rows` (Boolean) are not sent either; `rulings` reject some of them."""
        is_valid = judged.is_valid & ~rows
        deletes = self._deletes(judged.values, is_valid) if judged.deletes else 0
        return dataclasses.replace(judged, is_valid=is_valid, rulings=(*judged.rulings, *rulings), deletes=deletes)

    def _closed(self, chunk: Chunk, values: pl.DataFrame, text: pl.DataFrame, rulings: list[Ruling]) -> Judged:
        height = chunk.frame.height
        damaged = _marks(height, tuple(chunk.damaged))
        is_blank = self._blank(chunk.frame, text) & ~damaged
        unfit = is_blank | damaged
        if unfit.any():
            rulings = rulings_without(rulings, unfit)
        rulings.extend(_damage_rulings(chunk.damaged, height))
        errors = [ruling.rows for ruling in rulings if ruling.severity is Severity.ERROR]
        is_valid = ~reduce(or_, errors, is_blank)
        return Judged(
            chunk=chunk,
            values=values,
            is_valid=is_valid,
            is_blank=is_blank,
            rulings=tuple(rulings),
            keys=self._keys(values),
            deletes=self._deletes(values, is_valid),
        )

    def _old_clock(self, values: pl.Series, rule: ColumnRule) -> Iterator[Finding]:
        zone = self._mapping.zone.timezone
        if rule.rule.type is FieldType.TIMESTAMP and (moved := moved_since(values, zone)) is not None:
            yield Finding(code="date.old-clock", rows=moved, places={"zone": zone or ""})

    def _offsets(self, frame: pl.DataFrame) -> tuple[pl.Series | None, list[Ruling]]:
        """The hours of `timezoneGmt` row by row, where the mapping takes them from a column."""
        column = self._mapping.zone.column
        if column is None:
            return None, []
        rule = ColumnRule(target=ZONE_COLUMN, rule=_ZONE_RULE, column=column)
        cell = pl.col(column).str.strip_chars()
        text = frame.select(pl.when(cell.str.len_bytes() > 0).then(cell).alias("zone"))["zone"]
        typed = type_values(text, rule, self._mapping.zone)
        found = [finding for finding in typed.findings if finding.rows.any()]
        return typed.values, [ruling for finding in found for ruling in self._spoken(finding, rule)]

    def _spoken(self, finding: Finding, rule: ColumnRule) -> Iterator[Ruling]:
        severity = self.severity(finding.code, rule.target, rule.rule.shape)
        if severity is not Severity.OFF:
            yield Ruling(
                code=finding.code,
                field=rule.target,
                rule=rule,
                severity=severity,
                rows=finding.rows,
                places=finding.places,
            )

    def severity(self, code: str, target: str, shape: Shape | None = None) -> Severity:
        """The mapping's word for the field, the code or the shape, in this order; else the catalogue's."""
        checks = self._mapping.checks
        for name in (target, code, shape.value if shape else ""):
            if name in checks:
                return checks[name]
        return PROBLEM_KINDS[code].severity

    def _demand_zone(self, finding: Finding, rule: ColumnRule, chunk: Chunk) -> None:
        if finding.code != "date.zone" or self._mapping.zone.is_given:
            return
        row = chunk.rows[finding.rows.arg_max() or 0]
        raise UsageError(
            f"Row {row}, {rule.column or rule.target}: a date without a zone, and nothing says which clock it is from.",
            "Say it with --timezone Asia/Ho_Chi_Minh, or with timezone: or timezoneGmt: in the mapping.",
        )

    def _missing(self, text: pl.DataFrame) -> Iterator[Ruling]:
        for index in self._by_target.values():
            rule = self._mapping.columns[index]
            if rule.rule.required:
                empty = text[str(index)].is_null()
                if empty.any():
                    yield from self._spoken(Finding(code="required.missing", rows=empty), rule)
        for requirement in self._mapping.object_type.requirements:
            yield from self._unmet(requirement, text)

    def _unmet(self, requirement: Requirement, text: pl.DataFrame) -> Iterator[Ruling]:
        def is_whole(name: str) -> bool:
            return name in self._by_target and not text[str(self._by_target[name])].null_count()

        if any(all(map(is_whole, group)) for group in requirement.alternatives):
            return

        def is_there(name: str) -> pl.Series:
            if name in self._by_target:
                return text[str(self._by_target[name])].is_not_null()
            return _marks(text.height, ())

        present = {name: is_there(name) for name in requirement.names}
        met = reduce(or_, [reduce(and_, [present[name] for name in group]) for group in requirement.alternatives])
        unmet = ~met
        if not unmet.any():
            return
        is_one_group = len(requirement.alternatives) == 1
        code = "required.all-of" if is_one_group else "required.any-of"
        field_names = ", ".join(requirement.names)
        checks = self._mapping.checks
        severity = checks.get(field_names, checks.get(code, requirement.severity))
        groups = [" and ".join(group) for group in requirement.alternatives]
        if severity is Severity.OFF:
            return
        if not is_one_group:
            places = {"alternatives": ", ".join(groups)}
            # The first of them stands for all: a workbook colours its cell.
            rule = next(filter(None, map(self._rule_of, requirement.names)), None)
            yield Ruling(code=code, field=field_names, rule=rule, severity=severity, rows=unmet, places=places)
            return
        for name in requirement.names:
            rows = ~present[name]
            if rows.any():
                places = {"alternatives": groups[0], "missing": name}
                rule = self._rule_of(name)
                yield Ruling(code=code, field=name, rule=rule, severity=severity, rows=rows, places=places)

    def _rule_of(self, target: str) -> ColumnRule | None:
        return self._mapping.columns[self._by_target[target]] if target in self._by_target else None

    def _blank(self, frame: pl.DataFrame, text: pl.DataFrame) -> pl.Series:
        """Rows whose every cell is empty. Only where every mapped cell is, the others are looked at."""
        mapped = [str(index) for index, rule in enumerate(self._mapping.columns) if rule.column is not None]
        nothing = _marks(frame.height, ())
        with_default = any(rule.default is not None for rule in self._mapping.columns)
        if not mapped or not frame.height:
            return nothing
        if not with_default and not all(text[name].null_count() for name in mapped):
            return nothing
        candidates = text.select(pl.all_horizontal(pl.col(name).is_null() for name in mapped)).to_series()
        # A default fills its column in: then the source's own cells decide.
        if not with_default and not candidates.any():
            return nothing
        empty = [
            (pl.col(name).is_null() | (pl.col(name).str.strip_chars().str.len_bytes() == 0)) for name in frame.columns
        ]
        return frame.select(pl.all_horizontal(empty)).to_series()

    def _keys(self, values: pl.DataFrame) -> pl.Series | None:
        names = [str(index) for index in record_key_indexes(self._mapping)]
        if not names:
            return None
        if len(names) == 1:
            column = values[names[0]]
            if column.dtype == pl.String and not column.null_count():
                return column.hash()
            key = pl.col(names[0]).cast(pl.String)
        else:
            key = pl.concat_str([pl.col(name).cast(pl.String) for name in names], separator=_KEY_SEPARATOR)
        return values.select(pl.when(key.is_not_null()).then(key.hash()).alias("key"))["key"]

    def _deletes(self, values: pl.DataFrame, is_valid: pl.Series) -> int:
        index = self._by_target.get(_RECORD_STATUS)
        if index is None:
            return 0
        says_deleted = values[str(index)].str.to_lowercase() == "deleted"
        return int((says_deleted.fill_null(value=False) & is_valid).sum() or 0)


def _marks(height: int, rows: tuple[int, ...]) -> pl.Series:
    nothing = pl.repeat(value=False, n=height, dtype=pl.Boolean, eager=True)
    return nothing.scatter(list(rows), values=True) if rows else nothing


def rulings_without(rulings: Iterable[Ruling], rows: pl.Series) -> list[Ruling]:
    """The rulings, none of them on `rows` any more."""
    kept = []
    for ruling in rulings:
        left = ruling.rows & ~rows
        if left.any():
            kept.append(dataclasses.replace(ruling, rows=left))
    return kept


def _damage_rulings(damaged: Mapping[int, Damage], height: int) -> Iterator[Ruling]:
    for code in sorted({damage.code for damage in damaged.values()}):
        rows = tuple(index for index, damage in damaged.items() if damage.code == code)
        yield Ruling(code=code, field="", rule=None, severity=Severity.ERROR, rows=_marks(height, rows))
