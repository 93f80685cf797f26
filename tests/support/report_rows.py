"""Chunks and problems, small enough to stand in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from pango_load.records import Chunk, Damage, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def a_chunk(
    headers: Sequence[str],
    rows: Sequence[Sequence[str | None]],
    *,
    lines: Sequence[str] | None = None,
    damaged: Mapping[int, Damage] | None = None,
    first: int = 0,
    file: int = 0,
) -> Chunk:
    """Rows of cells as the source gives them, the first of them in line 2 of its file."""
    schema = dict.fromkeys(headers, pl.String)
    return Chunk(
        frame=pl.DataFrame([list(row) for row in rows], schema=schema, orient="row"),
        first=first,
        file=file,
        rows=pl.Series([first + place + 2 for place in range(len(rows))], dtype=pl.Int64),
        lines=pl.Series(lines, dtype=pl.String) if lines is not None else None,
        damaged=damaged or {},
    )


def a_problem(
    code: str = "date.format",
    *,
    field: str = "dob",
    column: str = "Birthday",
    value: str | None = "31/02/1990",
    message: str = 'dob: "31/02/1990" is not a date.',
    hint: str = "Write 28/02/1990.",
) -> Problem:
    """A birthday that does not exist, unless something else is asked for."""
    return Problem(code=code, field=field, column=column, value=value, message=message, hint=hint)
