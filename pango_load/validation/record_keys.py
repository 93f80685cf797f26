"""What identifies a record, as two independent hashes: where a row is left out for its key, one would not be enough."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from pango_load.validation.columns import ColumnReader

if TYPE_CHECKING:
    from pango_load.records import Chunk, FieldMapping

_SALT = "pango-load record key, said twice: "
"""Longer than 16 bytes, so that short keys take another road through the hash than they do alone."""


def record_key_indexes(mapping: FieldMapping) -> tuple[int, ...]:
    """Which rules of the mapping make the record key; none where one of its fields is not mapped."""
    places = {rule.target: index for index, rule in enumerate(mapping.columns)}
    indexes = tuple(places[name] for name in mapping.record_key if name in places)
    return indexes if len(indexes) == len(mapping.record_key) else ()


def record_keys(values: pl.DataFrame, mapping: FieldMapping) -> pl.DataFrame:
    """`key` and `check`, UInt64, in step with `values` (see `Judged.values`); null where a part of the key is empty.

    The parts go in with their lengths, so that no two different keys make one text.
    """
    parts = [pl.col(str(index)).cast(pl.String) for index in record_key_indexes(mapping)]
    if not parts:
        nothing = pl.lit(None, pl.UInt64)
        return values.select(pl.repeat(nothing, pl.len()).alias("key"), pl.repeat(nothing, pl.len()).alias("check"))
    if len(parts) > 1:
        parts = [pl.concat_str(part.str.len_bytes().cast(pl.String), pl.lit(":"), part) for part in parts]
    return hashed(values.select(pl.concat_str(parts).alias("text"))["text"])


class KeyReader:
    """Reads the record keys of chunks and nothing else of them: rows need not be judged, nor be right otherwise.

    Attributes:
        finds_any: whether the fields of the record key are mapped.
    """

    def __init__(self, mapping: FieldMapping) -> None:
        columns = tuple(mapping.columns[index] for index in record_key_indexes(mapping))
        self._mapping = replace(mapping, columns=columns, groups=())
        self._reader = ColumnReader(self._mapping)
        self.finds_any = bool(columns)

    def read(self, chunk: Chunk) -> pl.DataFrame:
        """See `record_keys`; in step with the chunk's frame."""
        typed = self._reader.read(chunk.frame, offsets=None, is_plain=chunk.is_plain).typed
        values = pl.DataFrame({str(index): column.values for index, column in enumerate(typed)})
        return record_keys(values, self._mapping)


def hashed(text: pl.Series) -> pl.DataFrame:
    """`key` and `check`, UInt64, of texts; null where there is none."""
    told = pl.col("text")
    hashes = pl.DataFrame({"text": text}).select(
        told.is_not_null().alias("is_there"),
        told.hash(seed=0).alias("key"),
        pl.concat_str(pl.lit(_SALT), told).hash(seed=1).alias("check"),
    )
    return hashes.select(pl.when("is_there").then(name).alias(name) for name in ("key", "check"))
