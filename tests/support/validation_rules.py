"""Small rules, mappings and chunks for the tests of validation and payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, Unpack

import polars as pl

from pango_load.records import (
    Chunk,
    ColumnRule,
    FieldMapping,
    FieldRule,
    FieldType,
    ObjectType,
    Requirement,
    Severity,
    Shape,
    ZoneRule,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class FieldWords(TypedDict, total=False):
    required: bool
    values: tuple[str, ...]
    values_open: bool
    shape: Shape | None


def field_rule(name: str, kind: FieldType = FieldType.TEXT, **words: Unpack[FieldWords]) -> FieldRule:
    return FieldRule(name=name, type=kind, **words)


def column_rule(rule: FieldRule, *, column: str | None = None) -> ColumnRule:
    return ColumnRule(target=rule.name, rule=rule, column=column or rule.name)


def mapping_of(
    *columns: ColumnRule,
    requirements: Sequence[Requirement] = (),
    zone: ZoneRule | None = None,
    record_key: tuple[str, ...] = (),
    checks: Mapping[str, Severity] | None = None,
    nulls: tuple[str, ...] = (),
) -> FieldMapping:
    fields = tuple(rule.rule for rule in columns if rule.container is None)
    kind = ObjectType(name="thing", title="Thing", fields=fields, requirements=tuple(requirements))
    return FieldMapping(
        object_type=kind,
        columns=columns,
        zone=zone or ZoneRule(timezone="Asia/Ho_Chi_Minh"),
        record_key=record_key,
        checks=checks or {},
        nulls=nulls,
    )


def chunk_of(cells: Mapping[str, Sequence[str | None]], *, first: int = 0) -> Chunk:
    frame = pl.DataFrame({name: pl.Series(column, dtype=pl.String) for name, column in cells.items()})
    rows = pl.int_range(first + 2, first + 2 + frame.height, eager=True)
    return Chunk(frame=frame, first=first, rows=rows)
