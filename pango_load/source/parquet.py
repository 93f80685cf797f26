"""A Parquet file becomes chunks; its typed values become the text that a person would write for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import polars as pl

from pango_load.errors import UsageError
from pango_load.records import Chunk
from pango_load.source.fingerprint import fingerprint_file
from pango_load.source.formats import SourceFile, SourceFormat, check_headers, without_marks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pango_load.source.fingerprint import Fingerprint

CHUNK_ROWS = 16384


class ParquetReader:
    """Reads one Parquet file; see `FileReader`. Records are numbered from 1: there is no header row.

    Raises:
        UsageError: it cannot be read.
    """

    unseen_keys: frozenset[str] = frozenset()

    def __init__(self, path: Path) -> None:
        self.file = SourceFile(path=path, format=SourceFormat.PARQUET)
        self.fingerprint: Fingerprint | None = None
        try:
            schema = pl.scan_parquet(path).collect_schema()
        except pl.exceptions.PolarsError as error:
            raise UsageError(
                f"{path} cannot be read as Parquet: it is damaged, or something else.", "Write the file again."
            ) from error
        self._columns = [text for name, dtype in schema.items() for text in _as_text(name, pl.col(name), dtype)]
        names = [column.meta.output_name() for column in self._columns]
        check_headers([name.strip() for name in names], path, "schema")
        self.headers = without_marks(names)

    def with_headers(self, extra: Sequence[str]) -> ParquetReader:
        """Itself: the columns stand in the file."""
        del extra
        return self

    def read(self, *, first: int, file: int, expected: Fingerprint | None) -> Iterator[Chunk]:
        """Every record; the whole file is verified before the first of them is handed out."""
        self.fingerprint = fingerprint_file(self.file.path, expected or self.fingerprint)
        offset = 0
        while True:
            part = pl.scan_parquet(self.file.path).slice(offset, CHUNK_ROWS).collect()
            if not part.height:
                return
            frame = part.select(self._columns).select(self.headers)
            rows = pl.int_range(offset + 1, offset + part.height + 1, eager=True)
            yield Chunk(frame=frame, first=first + offset, rows=rows, file=file)
            offset += part.height


def _as_text(name: str, value: pl.Expr, dtype: pl.DataType) -> Iterator[pl.Expr]:
    """The column or, for nested ones, columns `a.b` that a value becomes."""
    text: pl.Expr
    match dtype:
        case pl.Struct():
            for field in dtype.fields:
                inner = value.struct.field(field.name)
                yield from _as_text(f"{name}.{field.name}", inner, cast("pl.DataType", field.dtype))
            return
        case pl.List() | pl.Array():
            json = pl.struct(value.alias("v")).struct.json_encode().str.slice(5).str.head(-1)
            text = pl.when(value.is_not_null()).then(json)
        case pl.Float32() | pl.Float64():
            is_whole = (value == value.floor()) & (value.abs() < 1e15)  # noqa: PLR2004 - digits that a double keeps
            text = (
                pl.when(is_whole)
                .then(value.cast(pl.Int64, strict=False).cast(pl.String))
                .otherwise(value.cast(pl.String))
            )
        case pl.Date():
            text = value.dt.strftime("%Y-%m-%dT00:00:00")
        case pl.Datetime(time_zone=None):
            text = value.dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
        case pl.Datetime():
            text = value.dt.strftime("%Y-%m-%dT%H:%M:%S%.f%:z")
        case pl.Time():
            text = value.dt.strftime("%H:%M:%S")
        case pl.Binary():
            text = value.cast(pl.String, strict=False)
        case _:
            text = value.cast(pl.String)
    yield pl.when(text != "").then(text).alias(name)
