"""Exports of other systems, read as chunks of text cells."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import polars as pl

from pango_load.records import Chunk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def chunk_of(columns: Mapping[str, Sequence[str | None]], *, first: int = 0) -> Chunk:
    """A chunk with these cells."""
    frame = pl.DataFrame(
        {name: [cell or None for cell in cells] for name, cells in columns.items()},
        schema=dict.fromkeys(columns, pl.String),
    )
    return Chunk(frame=frame, first=first, rows=pl.Series(range(first + 2, first + 2 + frame.height), dtype=pl.Int64))


def read_export(path: Path) -> tuple[tuple[str, ...], Chunk]:
    """The headers of a small CSV file, and all its rows."""
    with path.open(encoding="utf-8", newline="") as file:
        headers, *rows = csv.reader(file)
    return tuple(headers), chunk_of({name: [row[place] for row in rows] for place, name in enumerate(headers)})
