"""Which rows repeat a record key is known by number, within memory or on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from pango_load.payload.repeated_keys import RepeatedKeys

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("in_memory", [100, 3], ids=["in memory", "on disk"])
def test_the_first_three_rows_that_repeat_a_key_are_known(in_memory: int, tmp_path: Path) -> None:
    """Protects whoever looks the repeats up: the first of them, whatever their keys' hashes are."""
    repeated = RepeatedKeys(tmp_path, in_memory=in_memory)
    keys = [7, 1 << 63, 5, 7, 9, 1 << 63, 5, 7, 7]
    for start in range(0, len(keys), 3):
        part = keys[start : start + 3]
        batches = pl.Series([start // 3] * 3, dtype=pl.UInt32)
        rows = pl.Series(range(start + 2, start + 5), dtype=pl.UInt32)
        repeated.add(pl.Series(part, dtype=pl.UInt64), batches, rows)
    repeated.earlier_batches()
    repeated.close()

    assert repeated.repeats == 5
    assert repeated.first_repeats == [(1, 5), (1, 7), (2, 8)]


def test_rows_without_number_are_counted_and_not_named(tmp_path: Path) -> None:
    """Protects runs whose rows are known from an earlier one by their keys alone."""
    repeated = RepeatedKeys(tmp_path)
    repeated.add(pl.Series([1, 1], dtype=pl.UInt64), pl.Series([0, 1], dtype=pl.UInt32))
    repeated.earlier_batches()

    assert (repeated.repeats, repeated.first_repeats) == (1, [])
