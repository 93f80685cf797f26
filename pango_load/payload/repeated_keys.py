"""Which batches hold the same record key, found within a fixed memory however many rows there are."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

_KEYS_IN_MEMORY = 1_000_000
_KEY_RANGE = 2**64
_SCHEMA = {"key": pl.UInt64, "batch": pl.UInt32}


class RepeatedKeys:
    """Remembers the hash of each record key with its batch: 12 bytes a row, on disk beyond a million rows.

    Two keys with one hash (once in some ten thousand loads of 20 million rows) only make a batch wait for another.

    Attributes:
        repeats: rows whose key an earlier row has; known after `earlier_batches`.
    """

    def __init__(self, folder: Path, *, in_memory: int = _KEYS_IN_MEMORY) -> None:
        self._folder = folder
        self._in_memory = in_memory
        self._recent: list[pl.DataFrame] = []
        self._recent_rows = 0
        self._disk: TemporaryDirectory[str] | None = None
        self._files = 0
        self._rows = 0
        self.repeats = 0

    def add(self, keys: pl.Series, batches: pl.Series) -> None:
        """Remember `keys` (UInt64, null where there is none) with the number of the batch of each."""
        frame = pl.DataFrame({"key": keys, "batch": batches.cast(pl.UInt32)}).filter(pl.col("key").is_not_null())
        self._recent.append(frame)
        self._recent_rows += frame.height
        self._rows += frame.height
        if self._recent_rows >= self._in_memory:
            self._spill()

    def earlier_batches(self) -> dict[int, tuple[int, ...]]:
        """For each batch that repeats a key of an earlier one: the nearest such batch of each of its repeated keys."""
        ranges = max(1, -(-self._rows // (2 * self._in_memory)))
        step = _KEY_RANGE // ranges
        found: dict[int, set[int]] = {}
        for number in range(ranges):
            last = _KEY_RANGE - 1 if number == ranges - 1 else (number + 1) * step - 1
            for later, earlier in self._pairs(self._between(number * step, last)):
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
        pl.concat(self._recent).write_ipc(Path(self._disk.name, f"{self._files}.arrow"))
        self._files += 1
        self._recent, self._recent_rows = [], 0

    def _between(self, first: int, last: int) -> pl.DataFrame:
        inside = pl.col("key").is_between(pl.lit(first, dtype=pl.UInt64), pl.lit(last, dtype=pl.UInt64))
        parts = [frame.filter(inside) for frame in self._recent]
        if self._disk is not None:
            for number in range(self._files):
                stored = pl.read_ipc(Path(self._disk.name, f"{number}.arrow").read_bytes())
                parts.append(stored.filter(inside))
        return pl.concat(parts) if parts else pl.DataFrame(schema=_SCHEMA)

    def _pairs(self, frame: pl.DataFrame) -> list[tuple[int, int]]:
        """(later batch, earlier batch) for neighbours that share a key."""
        ordered = frame.sort("key", "batch")
        repeats = ordered.select(
            later=pl.col("batch"),
            earlier=pl.col("batch").shift(1),
            is_same=pl.col("key") == pl.col("key").shift(1),
        ).filter(pl.col("is_same"))
        self.repeats += repeats.height
        apart = repeats.filter(pl.col("later") != pl.col("earlier"))
        return [(later, earlier) for later, earlier, _ in apart.iter_rows()]
