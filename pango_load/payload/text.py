"""Values become JSON, exactly as a JSON library writes them, whole columns at a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEEDS_ESCAPE = r'["\\\x00-\x1f]'
_ESCAPES = {character: json.dumps(character)[1:-1] for character in ('"', "\\", *map(chr, range(32)))}
_FROM, _TO = list(_ESCAPES), list(_ESCAPES.values())


def escaped(values: pl.Series) -> pl.Series:
    """String values as they stand between the quotes of a JSON string; null stays null.

    Letters outside ASCII are written as they are: the body is UTF-8. Escaping is one pass, and only over columns that
    hold something to escape.
    """
    return escaped_columns({"": values})[""]


def escaped_columns(columns: Mapping[str, pl.Series]) -> dict[str, pl.Series]:
    """`escaped` for several columns of one length, looked at together."""
    if not columns:
        return {}
    cells = pl.DataFrame([column.alias(str(at)) for at, column in enumerate(columns.values())])
    # Looking at a column as one text is cheaper than looking at its cells; the space is none of what is escaped.
    needing = cells.select(pl.all().str.join(" ").str.contains(_NEEDS_ESCAPE)).row(0)
    return {
        name: column.str.replace_many(_FROM, _TO) if needs else column
        for (name, column), needs in zip(columns.items(), needing, strict=True)
    }


def json_values(values: pl.Series) -> pl.Series:
    """A typed column as JSON, null where there is nothing; see `validation.values.type_values` for the types.

    Raises:
        TypeError: a column type that no field has: a bug.
    """
    match values.dtype:
        case pl.String:
            return '"' + escaped(values) + '"'
        case pl.Int64 | pl.Boolean:
            return values.cast(pl.String)
        case pl.List():
            return _json_lists(values)
        case other:
            raise TypeError(f"no field holds {other}")


def _json_lists(values: pl.Series) -> pl.Series:
    """Null for a list without items."""
    is_something = (values.list.len() > 0).fill_null(value=False)
    rows = is_something.arg_true()
    lists = values.filter(is_something)
    items = pl.DataFrame({"row": rows.repeat_by(lists.list.len()).explode(), "item": lists.explode()})
    quoted = items.with_columns(('"' + escaped(items["item"]) + '"').alias("item"))
    joined = quoted.group_by("row", maintain_order=True).agg(pl.col("item").str.join(","))
    nothing = pl.repeat(None, len(values), dtype=pl.String, eager=True)
    return nothing.scatter(joined["row"], "[" + joined["item"] + "]")
