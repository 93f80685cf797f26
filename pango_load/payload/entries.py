"""Valid rows become entries: the JSON object of each, keys in the catalogue's order, nothing where there is nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from pango_load.payload.text import escaped_columns, json_values
from pango_load.records import FieldType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pango_load.records import ColumnRule, FieldMapping

_Piece = str | pl.Expr
"""What an entry is made of: the same text in every entry, or a column."""
_ZONE = "timezoneGmt"
_JSON_ALREADY = {FieldType.DOUBLE, FieldType.OBJECT}
"""Decimals and nested values come as the JSON they are, digit for digit."""


def make_entries(values: pl.DataFrame, mapping: FieldMapping) -> pl.Series:
    """One entry for each row of `values` (see `Judged.values`), as String.

    A key with nothing in it is left out, and so is a container with no slot in it (design, section 3).
    """
    if not values.height:
        return pl.Series([], dtype=pl.String)
    written: dict[str, pl.Series] = {}
    fragments = _zone_fragment(values, mapping, written)
    containers: dict[str, list[_Piece]] = {}
    for index, rule in enumerate(mapping.columns):
        name = str(index)
        column = values[name]
        if column.null_count() == values.height and not rule.empty_is_null:
            continue
        place = fragments if rule.container is None else containers.setdefault(rule.container, [])
        place.extend(_fragment(rule, column, name, written))
    if not fragments and not containers:
        return pl.repeat("{}", values.height, dtype=pl.String, eager=True)
    texts = [str(at) for at, rule in enumerate(mapping.columns) if _is_text(rule, values[str(at)])]
    written |= escaped_columns({name: written[name] for name in texts if name in written})
    frame = pl.DataFrame(written) if written else pl.DataFrame({"": pl.repeat(None, values.height, eager=True)})
    if containers:
        inner = {name: pl.concat_str(_literals(slots)).str.slice(1) for name, slots in containers.items()}
        frame = frame.with_columns(keys.alias(name) for name, keys in inner.items())
    for container, slots in containers.items():
        filled: list[_Piece] = [f',"{container}":{{', pl.col(container), "}"]
        if any(isinstance(slot, str) for slot in slots):
            fragments += filled
        else:
            is_something = pl.col(container).str.len_bytes() > 0
            fragments.append(pl.when(is_something).then(pl.concat_str(_literals(filled))).otherwise(pl.lit("")))
    head, *others = fragments
    if isinstance(head, str):
        # The first key is always there: the brace stands in the place of its comma, and all is one pass.
        pieces = [pl.lit("{" + head[1:]), *_literals(others), pl.lit("}")]
        return frame.select(pl.concat_str(pieces).alias("entry")).to_series()
    # Every fragment begins with a comma, so the first is cut off.
    keys = pl.concat_str(_literals(fragments)).str.slice(1)
    return frame.select(pl.concat_str(pl.lit("{"), keys, pl.lit("}")).alias("entry")).to_series()


def _literals(pieces: Sequence[_Piece]) -> list[pl.Expr]:
    """Expressions for `pieces`, of which adjacent literal ones are made one."""
    joined: list[_Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return [pl.lit(piece) if isinstance(piece, str) else piece for piece in joined]


def _zone_fragment(values: pl.DataFrame, mapping: FieldMapping, written: dict[str, pl.Series]) -> list[_Piece]:
    if mapping.zone.column is not None and _ZONE in values.columns:
        written[_ZONE] = values[_ZONE].cast(pl.String)
        return [_unless_empty([f',"{_ZONE}":', pl.col(_ZONE)])]
    if mapping.zone.offset_hours is not None:
        return [f',"{_ZONE}":{mapping.zone.offset_hours}']
    return []


def _fragment(rule: ColumnRule, column: pl.Series, name: str, written: dict[str, pl.Series]) -> list[_Piece]:
    """The pieces `,"key":` and value of one column; its text goes into `written` under `name`."""
    key = f',"{rule.target}":'
    if rule.empty_is_null:
        written[name] = _as_json(column, rule).fill_null("null")
        return [key, pl.col(name)]
    is_text = _is_text(rule, column)
    written[name] = column if is_text else _as_json(column, rule)
    pieces: list[_Piece] = [key + '"', pl.col(name), '"'] if is_text else [key, pl.col(name)]
    return [_unless_empty(pieces)] if column.null_count() else pieces


def _unless_empty(pieces: list[_Piece]) -> pl.Expr:
    """The pieces, one of which is a column; nothing where that is null."""
    return pl.concat_str(_literals(pieces)).fill_null("")


def _is_text(rule: ColumnRule, column: pl.Series) -> bool:
    """Whether the column's text stands between quotes."""
    return column.dtype == pl.String and rule.rule.type not in _JSON_ALREADY and not rule.empty_is_null


def _as_json(column: pl.Series, rule: ColumnRule) -> pl.Series:
    return column if rule.rule.type in _JSON_ALREADY else json_values(column)
