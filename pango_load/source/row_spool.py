"""Rows that come from Python are kept as a private file, so that they can be read twice and a load can go on later."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, cast
from uuid import UUID

from pango_load.errors import UsageError
from pango_load.source.spool import keep_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import polars as pl

Row = Mapping[str, object]
"""Column -> cell: text, numbers, dates, None, lists and dicts of these."""

_MISSING = {"NaTType", "NAType"}
_DIGITS = 32


class PandasFrame(Protocol):
    """What is needed of a pandas DataFrame; pandas itself is never imported."""

    @property
    def columns(self) -> Iterable[object]:
        """Its column labels."""
        ...

    def itertuples(self, *, index: bool, name: None) -> Iterable[tuple[object, ...]]:
        """Its rows."""
        ...


def rows_of(source: pl.DataFrame | PandasFrame | Iterable[Row]) -> Iterator[Row]:
    """The rows of a frame, or of whatever gives dicts, one at a time.

    Raises:
        UsageError: it is neither, or two columns of a frame have one name.
    """
    given: object = source
    if hasattr(given, "iter_rows"):
        return cast("pl.DataFrame", given).iter_rows(named=True)
    if hasattr(given, "itertuples"):
        return _pandas_rows(cast("PandasFrame", given))
    if isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping):
        return iter(given)
    raise UsageError(
        f"{type(given).__name__} gives no rows.", "Give a path, a polars or pandas frame, or an iterable of dicts."
    )


def _pandas_rows(frame: PandasFrame) -> Iterator[Row]:
    names = [str(name) for name in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f'The frame has several columns "{twice[0]}".', "Name each column once.")
    for cells in frame.itertuples(index=False, name=None):
        yield dict(zip(names, cells, strict=True))


def spool_rows(rows: Iterable[Row], folder: Path, *, name: str) -> Path:
    """Write `rows` as JSON lines into a file of `folder` (0700) that only its owner may read (0600).

    Text, digits and dates come out as they went in; memory does not depend on the number of rows. The file's name
    comes from its content: the same rows again are the same file, and the same load.

    Args:
        rows: see `rows_of`.
        folder: made where it is not there.
        name: begins the file's name.

    Raises:
        UsageError: there is no row, or a value that is no cell, naming its row and column.
        MustBeMended: the disk is full, or the folder cannot be written.
    """
    kept = keep_private(_lines(rows), folder, stem=name, suffix=".jsonl", what="The rows could not be written")
    if kept is None:
        raise UsageError("There is no row to load.", "Check what makes them.")
    return kept


def _lines(rows: Iterable[Row]) -> Iterator[bytes]:
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise UsageError(
                f"Row {number} is of the type {type(row).__name__}, and no dict.", "Give rows as dicts: column to cell."
            )
        text = _object(row, number)
        try:
            yield f"{text}\n".encode()
        except UnicodeEncodeError:
            # Half of a surrogate pair: escaped it passes through, and its row is rejected where it is read.
            yield f"{json.dumps(json.loads(text, parse_float=str, parse_int=str))}\n".encode()


def _object(row: Row, number: int) -> str:
    members = (
        f"{json.dumps(str(key), ensure_ascii=False)}: {_cell(cell, number, str(key))}" for key, cell in row.items()
    )
    return "{" + ", ".join(members) + "}"


def _cell(value: object, number: int, column: str) -> str:
    """`value` as JSON: digits and text as they are, and dates as a person would write them."""
    if _is_infinite(value):
        raise UsageError(
            f'Row {number}, column "{column}": {value} is no number that could be sent.',
            "Replace it before, by None where nothing is known: a division by zero makes such values.",
        )
    for kind, written in _WRITTEN:
        if isinstance(value, kind):
            return written(value)
    match value:
        case dict() | Mapping():
            inner = (
                f"{json.dumps(str(key), ensure_ascii=False)}: {_cell(cell, number, column)}"
                for key, cell in value.items()
            )
            return "{" + ", ".join(inner) + "}"
        case list() | tuple():
            return "[" + ", ".join(_cell(cell, number, column) for cell in value) + "]"
    if type(value).__name__ in _MISSING:
        return "null"
    plain = _plain(value)
    if plain is value:
        raise UsageError(
            f'Row {number}, column "{column}": a value of the type {type(value).__name__} is no cell.',
            "Make it text, a number, a date, a list or a dict before.",
        )
    return _cell(plain, number, column)


def _plain(value: object) -> object:
    """What stands in a value of numpy or polars; `value` itself where nothing is known of it."""
    if type(value).__name__ == "datetime64":
        text = str(value)
        return None if text == "NaT" else text
    for way in ("tolist", "to_list", "item"):
        if hasattr(value, way):
            return cast("Callable[[], object]", getattr(value, way))()
    return value


def _is_infinite(value: object) -> bool:
    return value.is_infinite() if isinstance(value, Decimal) else isinstance(value, float) and math.isinf(value)


def _number(value: object) -> str:
    number = cast("float", value)
    if math.isnan(number):
        return "null"
    return str(int(number)) if number.is_integer() else repr(number)


def _decimal(value: object) -> str:
    number = cast("Decimal", value)
    return "null" if number.is_nan() else format(number, "f")


def _moment(value: object) -> str:
    moment = cast("dt.datetime", value)
    # NaT is a datetime, and no moment.
    return f'"{moment.isoformat()}"' if type(value).__name__ not in _MISSING else "null"


_WRITTEN: tuple[tuple[type, Callable[[object], str]], ...] = (
    (str, lambda value: json.dumps(value, ensure_ascii=False)),
    (bool, lambda value: "true" if value else "false"),
    (type(None), lambda _: "null"),
    (int, lambda value: str(int(cast("int", value)))),
    (float, _number),
    (Decimal, _decimal),
    (dt.datetime, _moment),
    (dt.date, lambda value: f'"{cast("dt.date", value).isoformat()}T00:00:00"'),
    (dt.time, lambda value: f'"{cast("dt.time", value).isoformat()}"'),
    (UUID, lambda value: f'"{value}"'),
)
