"""Entries that share a record key: which are left out is what a plain dictionary says, in memory and on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pango_load.payload.duplicates import Duplicates
from pango_load.payload.left_out import LeftOut
from pango_load.records import OnDuplicate

if TYPE_CHECKING:
    import pytest

ENTRIES = st.lists(
    st.tuples(st.none() | st.integers(0, 2**64 - 1).map(lambda key: key // 2**62 * 2**62), st.integers(0, 1)),
    max_size=40,
)
"""Entries by the two hashes of their key: few of them, all over the ranges."""
POLICIES = st.sampled_from([OnDuplicate.KEEP_FIRST, OnDuplicate.KEEP_LAST, OnDuplicate.REJECT])
Entries: TypeAlias = list[tuple[int | None, int]]


def frame_of(entries: Entries, start: int) -> pl.DataFrame:
    positions = list(range(start, start + len(entries)))
    return pl.DataFrame(
        {
            "key": pl.Series([key for key, _ in entries], dtype=pl.UInt64),
            "check": pl.Series([None if key is None else check for key, check in entries], dtype=pl.UInt64),
            "first": pl.Series(positions, dtype=pl.UInt32),
            "last": pl.Series(positions, dtype=pl.UInt32),
            "row": pl.Series([at + 2 for at in positions], dtype=pl.UInt32),
            "file": pl.Series([0] * len(entries), dtype=pl.UInt16),
        }
    )


def expected_of(entries: Entries, policy: OnDuplicate) -> dict[int, int]:
    """Position of each entry that is left out, and the position of the one that it is left out for."""
    alike: dict[tuple[int, int], list[int]] = {}
    for position, (key, check) in enumerate(entries):
        if key is not None:
            alike.setdefault((key, check), []).append(position)
    found: dict[int, int] = {}
    for places in alike.values():
        match policy:
            case OnDuplicate.KEEP_FIRST:
                found |= dict.fromkeys(places[1:], places[0])
            case OnDuplicate.KEEP_LAST:
                found |= dict.fromkeys(places[:-1], places[-1])
            case _ if len(places) > 1:
                found |= {places[0]: places[-1], **dict.fromkeys(places[1:], places[0])}
    return found


@settings(deadline=None)
@given(ENTRIES, POLICIES, st.integers(1, 12), st.sampled_from([4, 1_000_000]))
def test_entries_are_left_out_for_the_one_that_stays(
    tmp_path_factory: pytest.TempPathFactory, entries: Entries, policy: OnDuplicate, size: int, in_memory: int
) -> None:
    """Protects rows whose key only looks like another one: both hashes must agree."""
    duplicates = Duplicates(tmp_path_factory.getbasetemp(), policy, in_memory=in_memory)
    for start in range(0, len(entries), size):
        duplicates.add(frame_of(entries[start : start + size], start))
    left_out = LeftOut(duplicates.left_out())
    found: dict[int, int] = {}
    for start in range(0, len(entries), size):
        spans = left_out.within(start, start + size - 1)
        assert spans["first"].is_sorted()
        found |= {first: row - 2 for first, last, row, _ in spans.iter_rows() if first == last}
    duplicates.close()
    assert found == expected_of(entries, policy)


def test_nothing_stays_on_disk(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Protects the state folder: keys of millions of customers are not left lying about."""
    folder = tmp_path_factory.mktemp("keys")
    duplicates = Duplicates(folder, OnDuplicate.REJECT, in_memory=2)
    duplicates.add(frame_of([(5, 0), (5, 0), (7, 1), (7, 1)], 0))
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o700]
    assert sum(spans.height for spans in duplicates.left_out()) == 4
    duplicates.close()
    assert list(folder.iterdir()) == []
