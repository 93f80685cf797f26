"""Exports of other systems, read as chunks of text cells."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import polars as pl

from pango_load.records import Chunk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


HOSTILE_HEADERS = (
    *(
        "yes",
        "No",
        "null",
        "~",
        "true",
        "1.0",
        "0x1F",
        "0o7",
        "1e3",
        ".inf",
        "2024-01-01",
        "12:30:45",
        "0123",
        "+1",
        "-1",
    ),
    *(
        "a: b",
        "- x",
        "#c",
        "a #b",
        "{a}",
        "[b]",
        "&x",
        "*y",
        "!t",
        "!!str a",
        "%p",
        "%YAML 1.1",
        "@q",
        "`r",
        "'",
        '"q"',
    ),
    *(
        "?",
        "? a",
        "-",
        "---",
        "...",
        "<<",
        "=",
        "|",
        ">",
        ">-",
        "key:",
        ":",
        ": a",
        ",",
        "a, b",
        "\\n",
        "\\",
        "$x",
        "^.*$",
    ),
    *("=SUM(A1:A2)", '=HYPERLINK("http://x","y")', "@SUM(1)", "+84", "{First}", "a}b", "{{x}}"),
    *("object", "columns", "headers", "groupBy", "field", "decide: x", "timezone", "_pango"),
    *(
        "😀",
        "👨‍👩‍👧 family",
        "🇻🇳",
        "x\u200by",
        "\u202eabc",
        "a\u0301b",
        "ß",
        "İ",
        "ﬁ",
        "\u00a0x",
        "a\u2028b",
        "tab\tin",
        "a\nb",
    ),
    *(" lead", "trail ", "L" * 300, "w " * 150, "Ngày " * 60),
)
"""Headers that mean something to YAML, to a spreadsheet, to a terminal or to the mapping itself."""


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
