"""Batches hold the rows that were given, in order, at most so many, and no record key twice."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeAlias

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pango_load.errors import MustBeMended
from pango_load.payload.batches import BatchFiller, BatchPlanner
from pango_load.payload.repeated_keys import RepeatedKeys

if TYPE_CHECKING:
    from pathlib import Path

    from pango_load.records import Batch, PlannedBatch

CHUNKS = st.lists(st.lists(st.tuples(st.booleans(), st.none() | st.integers(0, 5)), max_size=12), max_size=6)
"""Chunks of rows: is it valid, and its key."""
Rows: TypeAlias = list[list[tuple[bool, int | None]]]


def planned(chunks: Rows, size: int, folder: Path, *, with_keys: bool = True) -> list[PlannedBatch]:
    repeated = RepeatedKeys(folder, in_memory=3)
    planner = BatchPlanner(size, repeated)
    first = 0
    for chunk in chunks:
        positions = pl.Series([first + i for i, (ok, _) in enumerate(chunk) if ok], dtype=pl.Int64)
        keys = pl.Series([key for ok, key in chunk if ok], dtype=pl.UInt64)
        planner.add(positions, keys if with_keys else None)
        first += len(chunk)
    batches = list(planner.batches(repeated.earlier_batches()))
    repeated.close()
    return batches


def filled(chunks: Rows, batches: list[PlannedBatch]) -> list[Batch]:
    filler = BatchFiller(iter(batches))
    made: list[Batch] = []
    first = 0
    for chunk in chunks:
        valid = [first + i for i, (ok, _) in enumerate(chunk) if ok]
        if chunk and filler.needs(first, first + len(chunk) - 1):
            texts = pl.Series([f'{{"n":{position}}}' for position in valid], dtype=pl.String)
            made.extend(filler.fill(pl.Series(valid, dtype=pl.Int64), texts))
        first += len(chunk)
    filler.close()
    return made


@given(CHUNKS, st.integers(1, 5))
def test_batches_joined_are_the_valid_rows_and_no_key_stands_twice(
    tmp_path_factory: pytest.TempPathFactory, chunks: Rows, size: int
) -> None:
    """Protects the balance and the order of two rows of one customer."""
    folder = tmp_path_factory.getbasetemp()
    batches = planned(chunks, size, folder)
    rows = [row for chunk in chunks for row in chunk]
    valid = [position for position, (ok, _) in enumerate(rows) if ok]
    sent = filled(chunks, batches)
    assert [ref.position for batch in sent for ref in batch.refs] == valid
    assert [entry.decode() for batch in sent for entry in batch.entries] == [
        f'{{"n":{position}}}' for position in valid
    ]
    assert [batch.number for batch in sent] == list(range(len(batches)))
    key_batches: dict[int, list[int]] = {}
    for batch in sent:
        keys = [rows[ref.position][1] for ref in batch.refs]
        known = [key for key in keys if key is not None]
        assert len(known) == len(set(known))
        assert 1 <= len(batch.entries) <= size
        for key in known:
            key_batches.setdefault(key, []).append(batch.number)
    expected: dict[int, set[int]] = {}
    for numbers in key_batches.values():
        for earlier, later in itertools.pairwise(numbers):
            expected.setdefault(later, set()).add(earlier)
    assert {batch.number: set(batch.after) for batch in batches if batch.after} == expected


@given(CHUNKS, st.integers(1, 5))
def test_without_repeated_keys_requests_are_as_few_as_can_be(
    tmp_path_factory: pytest.TempPathFactory, chunks: Rows, size: int
) -> None:
    """Protects the quota: ceil(valid / size) requests, across rejected rows and chunks."""
    batches = planned(chunks, size, tmp_path_factory.getbasetemp(), with_keys=False)
    count = sum(ok for chunk in chunks for ok, _ in chunk)
    assert len(batches) == -(-count // size)
    assert sum(batch.entries for batch in batches) == count


@given(CHUNKS, st.integers(1, 5), st.data())
def test_a_resume_fills_the_batches_that_are_left_with_the_same_entries(
    tmp_path_factory: pytest.TempPathFactory, chunks: Rows, size: int, data: st.DataObject
) -> None:
    """Protects a resume: what is sent then is what would have been sent before."""
    batches = planned(chunks, size, tmp_path_factory.getbasetemp())
    whole = {batch.number: batch.entries for batch in filled(chunks, batches)}
    left = [batch for batch in batches if data.draw(st.booleans())]
    assert {batch.number: batch.entries for batch in filled(chunks, left)} == {
        batch.number: whole[batch.number] for batch in left
    }


def test_rows_that_are_not_those_of_the_survey_stop_the_load(tmp_path: Path) -> None:
    """Protects from a file that changes while it is loaded."""
    batches = planned([[(True, 1), (True, 2), (True, 3)]], 2, tmp_path)
    filler = BatchFiller(iter(batches))
    with pytest.raises(MustBeMended, match="records 1 to 2 differ"):
        list(filler.fill(pl.Series([0, 2]), pl.Series(["{}", "{}"])))


def test_a_source_that_ends_early_stops_the_load(tmp_path: Path) -> None:
    """Protects from a file that was cut."""
    batches = planned([[(True, 1), (True, 2), (True, 3)]], 2, tmp_path)
    filler = BatchFiller(iter(batches))
    assert len(list(filler.fill(pl.Series([0, 1]), pl.Series(["{}", "{}"])))) == 1
    with pytest.raises(MustBeMended, match="records 3 to 3 differ"):
        filler.close()


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 30)), max_size=60))
def test_repeated_keys_are_found_alike_in_memory_and_on_disk(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[int, int]]
) -> None:
    """Protects large files: what is spilled is found again."""
    pairs = sorted(pairs, key=lambda pair: pair[1])
    folder = tmp_path_factory.getbasetemp()

    def found(in_memory: int) -> dict[int, tuple[int, ...]]:
        repeated = RepeatedKeys(folder, in_memory=in_memory)
        for key, batch in pairs:
            repeated.add(pl.Series([key], dtype=pl.UInt64), pl.Series([batch]))
        answer = repeated.earlier_batches()
        repeated.close()
        return answer

    assert found(4) == found(1_000_000)
