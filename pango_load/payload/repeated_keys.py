"""Which batches hold the same record key, found within a fixed memory however many rows there are."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYS_IN_MEMORY = 1_000_000
_RANGES = 32
_RANGE_BITS = 59
"""A hash's range is what stands above so many of its bits."""
_SCHEMA = {"key": pl.UInt64, "batch": pl.UInt32, "row": pl.UInt32}
_SHOWN = 3


class RepeatedKeys:
    """Remembers the hash of each record key with its batch and row: 16 bytes a row, on disk where they are many.

    Two keys with one hash (once in some ten thousand loads of 20 million rows) only make a batch wait for another.

    Attributes:
        repeats: rows whose key an earlier row has; known after `earlier_batches`, like
        first_repeats: the first three of them, as (batch, number of the row).
    """

    def __init__(self, folder: Path, *, in_memory: int = _KEYS_IN_MEMORY) -> None:
        self._folder = folder
        self._in_memory = in_memory
        self._recent: list[pl.DataFrame] = []
        self._recent_rows = 0
        self._disk: TemporaryDirectory[str] | None = None
        self._spills = 0
        self.repeats = 0
        self.first_repeats: list[tuple[int, int]] = []

    def add(self, keys: pl.Series, batches: pl.Series, rows: pl.Series | None = None) -> None:
        """Remember `keys` (UInt64, null where there is none) with the batch and the row (UInt32) of each."""
        numbers = pl.repeat(None, len(keys), dtype=pl.UInt32, eager=True) if rows is None else rows
        frame = pl.DataFrame({"key": keys, "batch": batches.cast(pl.UInt32), "row": numbers})
        if keys.null_count():
            frame = frame.filter(pl.col("key").is_not_null())
        self._recent.append(frame)
        self._recent_rows += frame.height
        if self._recent_rows >= self._in_memory:
            self._spill()

    def earlier_batches(self) -> dict[int, tuple[int, ...]]:
        """For each batch that repeats a key of an earlier one: the nearest such batch of each of its repeated keys."""
        found: dict[int, set[int]] = {}
        for frame in self._ranges():
            for later, earlier in self._pairs(frame):
                found.setdefault(later, set()).add(earlier)
        return {batch: tuple(sorted(earlier)) for batch, earlier in found.items()}

    def close(self) -> None:
        """Delete what stands on disk."""
        if self._disk is not None:
            self._disk.cleanup()
            self._disk = None

    def _spill(self) -> None:
        if self._disk is None:
            self._disk = TemporaryDirectory(prefix="keys-", dir=self._folder)
        ranges: dict[int, list[pl.DataFrame]] = {}
        # One after the other, each let go of at once: what is held must not be there twice.
        self._recent.reverse()
        while self._recent:
            ranged = self._recent.pop().with_columns(range=pl.col("key") // 2**_RANGE_BITS)
            for (number,), part in ranged.partition_by("range", as_dict=True, include_key=False).items():
                ranges.setdefault(int(number), []).append(part)
        for number, parts in ranges.items():
            pl.concat(parts).write_ipc(self._path(number, self._spills))
        self._spills += 1
        self._recent, self._recent_rows = [], 0

    def _path(self, number: int, spill: int) -> Path:
        return Path(self._disk.name if self._disk else "", f"{number}-{spill}.arrow")

    def _ranges(self) -> Iterator[pl.DataFrame]:
        """All keys, those of one range at a time: alike ones are always together."""
        if self._disk is None:
            yield pl.concat(self._recent) if self._recent else pl.DataFrame(schema=_SCHEMA)
            return
        if self._recent:
            self._spill()
        for number in range(_RANGES):
            paths = [path for spill in range(self._spills) if (path := self._path(number, spill)).exists()]
            if paths:
                yield pl.concat([pl.read_ipc(path.read_bytes()) for path in paths])

    def _pairs(self, frame: pl.DataFrame) -> list[tuple[int, int]]:
        """(later batch, earlier batch) for neighbours that share a key."""
        # Sorting the keys alone is the cheapest way to see that none repeats, and then that is all.
        keys = frame.get_column("key").sort()
        if not (keys.slice(1) == keys.head(max(0, len(keys) - 1))).any():
            return []
        ordered = frame.sort("key", "batch", "row")
        repeats = ordered.select(
            later=pl.col("batch"),
            earlier=pl.col("batch").shift(1),
            row=pl.col("row"),
            is_same=pl.col("key") == pl.col("key").shift(1),
        ).filter(pl.col("is_same"))
        self.repeats += repeats.height
        first = repeats.select("later", "row").drop_nulls().sort("later", "row").head(_SHOWN)
        self.first_repeats = sorted([*self.first_repeats, *first.iter_rows()])[:_SHOWN]
        apart = repeats.filter(pl.col("later") != pl.col("earlier"))
        return list(apart.select("later", "earlier").iter_rows())
