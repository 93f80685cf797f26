"""Cells become cleaned text, the same for a few of them and for many."""

from __future__ import annotations

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st
from support.validation_rules import column_rule, field_rule, mapping_of

from pango_load.validation.cells import clean_cells

MANY = 2_500
NULLS = ("N/A", "-")

cells = st.none() | st.sampled_from(["", " ", *NULLS, " N/A ", "e\u0302\u0323"]) | st.text(max_size=6)


@given(st.lists(cells, min_size=1, max_size=6))
@example(["Nguye\u0302\u0303n ", "\u00a0-\u3000", None])
def test_many_cells_are_cleaned_as_a_few_are(column: list[str | None]) -> None:
    """Protects rows that are rejected, whose few cells are cleaned in another way than those of a whole chunk."""
    mapping = mapping_of(column_rule(field_rule("fullName"), column="name"), nulls=NULLS)
    few = pl.DataFrame({"name": column}, schema={"name": pl.String})
    times = -(-MANY // len(column))
    many = clean_cells(pl.concat([few] * times), mapping)

    assert many["0"].to_list() == clean_cells(few, mapping)["0"].to_list() * times
