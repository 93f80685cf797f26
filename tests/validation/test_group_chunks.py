"""Groups of rows mean the same however the source is cut into chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from support.order_oracle import HEADERS, MAPPING, Line

from pango_load.mapping.read import read_mapping
from pango_load.mapping.resolve import fit
from pango_load.payload.groups import EntryGrouper, GroupWriter
from pango_load.records import Chunk, FieldMapping
from pango_load.validation.groups import GroupJudge, item_mapping

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

LINES = st.lists(
    st.builds(
        Line,
        st.sampled_from([1, 1, 2, None]),
        is_bare=st.booleans(),
        is_bad=st.sampled_from([False, False, True]),
        differs=st.sampled_from([False, False, True]),
        is_blank=st.sampled_from([False, False, True]),
    ),
    max_size=14,
)


def mapping_in(folder: Path) -> FieldMapping:
    path = folder / "orders.yaml"
    path.write_text(MAPPING.format(policy="send"), encoding="utf-8")
    return fit(read_mapping(path), HEADERS)


def seen(lines: Sequence[Line], cuts: Sequence[int], mapping: FieldMapping) -> tuple[list[object], list[object]]:
    """What is said of each row, and the entries that the valid ones make."""
    judge = GroupJudge(mapping)
    grouper = EntryGrouper(GroupWriter(mapping, [item_mapping(mapping, group) for group in mapping.groups]))
    told: list[object] = []
    entries: list[object] = []
    for first, end in zip([0, *cuts], [*cuts, len(lines)], strict=True):
        if first == end:
            continue
        cells = [line.cells(number) for number, line in enumerate(lines[first:end], first)]
        frame = pl.DataFrame(cells, schema=dict.fromkeys(HEADERS, pl.String))
        frame = frame.with_columns(pl.when(pl.all() != "").then(pl.all()))
        judged = judge.judge(Chunk(frame=frame, first=first, rows=pl.Series(range(first + 2, end + 2))))
        assert judged.grouped is not None
        for index in range(end - first):
            found = sorted((one.code, one.field) for one in judged.errors if one.rows[index])
            others = sorted(one.others[index].row for one in judged.errors if index in one.others)
            told.append((judged.is_valid[index], judged.is_blank[index], judged.grouped.doubts[index], found, others))
        valid = judged.is_valid
        made = grouper.add(
            pl.int_range(first, end, eager=True).filter(valid),
            judged.chunk.rows.filter(valid),
            judged.grouped.keys.filter(valid),
            None if judged.keys is None else judged.keys.filter(valid),
            judged.values.filter(valid),
            [items.filter(valid) for items in judged.grouped.items],
        )
        entries += _listed(made)
    entries += _listed(grouper.flush()) if grouper.open_last is not None else []
    return told, entries


def _listed(made: object) -> list[object]:
    columns = [getattr(made, name) for name in ("first", "last", "numbers", "rows", "keys", "texts")]
    return list(zip(*(column.to_list() for column in columns), strict=True))


@given(LINES, st.lists(st.integers(0, 14), max_size=4))
def test_rows_are_judged_and_gathered_alike_in_one_chunk_and_in_many(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Line], cuts: list[int]
) -> None:
    """Protects orders that go on in the next chunk, or the one after that: only their first row is remembered."""
    mapping = mapping_in(tmp_path_factory.getbasetemp())
    places = sorted(min(cut, len(lines)) for cut in cuts)
    assert seen(lines, places, mapping) == seen(lines, [], mapping)
