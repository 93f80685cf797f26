"""What a survey keeps of a small load is what another reading would give, and the source is guarded as before."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from polars.testing import assert_frame_equal
from support.order_oracle import MAPPING, Line, write_lines
from support.program import customer, write_csv

from pango_load.errors import MustBeMended
from pango_load.payload.batches import BatchPlanner
from pango_load.plan import LoadPlan, SourceOptions
from pango_load.road import open_road
from pango_load.source.fingerprint import BLOCK_BYTES
from pango_load.survey import survey_source
from pango_load.valid_rows import KEPT_AT_MOST, KeptRows, ValidRows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pango_load.records import Chunk, RejectedRows
    from pango_load.report.skips import Skip
    from pango_load.road import Road

NAME = "Hà Nội " * 2400
TWO_BLOCKS = BLOCK_BYTES * 3 // 2 // len(NAME.encode())
"""Customers in a file of more than one block and one chunk."""


class Forgetful:
    """Keeps nothing of what is left out."""

    def passed(self, chunk: Chunk) -> None: ...
    def rejected(self, chunk: Chunk, rows: RejectedRows) -> None: ...
    def skipped(self, spans: Sequence[tuple[Skip, tuple[int, int]]]) -> None: ...


def road_of_customers(folder: Path, count: int, *, reading: SourceOptions | None = None) -> Road:
    rows = (customer(number, fullName=NAME, **({"phone": "bad"} if number % 9 == 0 else {})) for number in range(count))
    path = write_csv(folder / "c.csv", rows)
    return open_road(
        LoadPlan(
            files=(path,),
            object_type="customer-identity",
            state=folder / "state",
            timezone="Asia/Ho_Chi_Minh",
            reading=reading or SourceOptions(),
        )
    )


def road_of_orders(folder: Path) -> Road:
    (folder / "orders.yaml").write_text(MAPPING.format(policy="send"), encoding="utf-8")
    lines = [Line(order=number // 3, is_bad=number == 4) for number in range(30)]
    write_lines(folder / "o.csv", lines, 0)
    return open_road(
        LoadPlan(files=(folder / "o.csv",), object_type="", mapping=folder / "orders.yaml", state=folder / "state")
    )


def surveyed(road: Road, folder: Path, *, at_most: int = KEPT_AT_MOST) -> KeptRows:
    kept = KeptRows(road.source.fingerprints(), at_most=at_most)
    survey_source(road, BatchPlanner(50, None), Forgetful(), folder=folder, kept=kept)
    return kept


def read_again(road: Road) -> list[ValidRows]:
    return [ValidRows.of(passage.judged) for passage in road.passages() if passage.judged is not None]


@pytest.mark.parametrize(
    "reading",
    [
        pytest.param(SourceOptions(), id="all rows"),
        pytest.param(SourceOptions(skip_rows=11, limit=TWO_BLOCKS - 100), id="some left out"),
    ],
)
def test_what_is_kept_is_what_another_reading_gives(tmp_path: Path, reading: SourceOptions) -> None:
    """Protects every row of a load that is small enough to be read once."""
    road = road_of_customers(tmp_path, TWO_BLOCKS, reading=reading)
    again = list(surveyed(road, tmp_path).again(road))
    assert len(again) > 1
    for kept, read in zip(again, read_again(road), strict=True):
        assert len(kept.positions) > 0
        assert kept.positions.equals(read.positions)
        assert kept.numbers.equals(read.numbers)
        assert_frame_equal(kept.values, read.values)


def test_grouped_rows_are_kept_with_their_items(tmp_path: Path) -> None:
    """Protects orders: what makes one entry of several rows is kept too."""
    road = road_of_orders(tmp_path)
    (kept,) = surveyed(road, tmp_path).again(road)
    assert kept.group_keys is not None
    # The whole order of the bad row is left out for it, which another reading learns from the journal.
    assert sorted(set(kept.group_keys)) == [f"{number:03d}" for number in range(10) if number != 1]
    assert [items.height for items in kept.items] == [len(kept.positions)] * len(kept.items) != []


def test_more_than_there_is_room_for_is_not_kept_at_all(tmp_path: Path) -> None:
    """Protects the memory of a long load: half of its rows would be no use, and all of them too much."""
    road = road_of_customers(tmp_path, 60)
    size = sum(found.size for found in road.source.fingerprints())
    for at_most in (size - 1, size):
        kept = surveyed(road, tmp_path, at_most=at_most)
        assert not kept.is_open
        assert kept.held == 0
    assert surveyed(road, tmp_path, at_most=100 * size).is_open


@pytest.mark.parametrize("at", [0, -1], ids=["at its beginning", "at its end"])
def test_a_source_that_changed_since_its_survey_stops_what_was_kept(tmp_path: Path, at: int) -> None:
    """Protects whoever overwrites a file while it is loaded: told as it was when every load was read twice."""
    road = road_of_customers(tmp_path, TWO_BLOCKS)
    kept = surveyed(road, tmp_path)
    path = tmp_path / "c.csv"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[at] = lines[at].swapcase()
    path.write_bytes(b"".join(lines))
    given = kept.again(road)
    if at == -1:
        next(given)
    with pytest.raises(MustBeMended, match=r"c\.csv changed"):
        next(given)


def test_a_source_that_is_written_to_while_the_last_rows_are_sent_is_noticed(tmp_path: Path) -> None:
    """Protects from a change that leaves every byte as it was and is still somebody at work."""
    road = road_of_customers(tmp_path, TWO_BLOCKS)
    given = surveyed(road, tmp_path).again(road)
    next(given)
    os.utime(tmp_path / "c.csv")
    with pytest.raises(MustBeMended, match="was written to"):
        list(given)


def test_a_source_that_is_gone_is_no_mistake_of_the_command(tmp_path: Path) -> None:
    """Protects exit code 7: rows were sent by then, and "nothing was sent" (2) would be a lie."""
    road = road_of_customers(tmp_path, 10)
    given = surveyed(road, tmp_path).again(road)
    (tmp_path / "c.csv").unlink()
    with pytest.raises(MustBeMended, match="does not exist"):
        next(given)
