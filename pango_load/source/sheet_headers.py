"""Which sheet is read, and which of its rows holds the headers, in whichever way it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pango_load.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pango_load.source.tables import Table

LOOKED_AT = 50
"""Rows at the beginning of a sheet among which the headers are looked for."""

_FEW = 3


def pick_sheet(
    path: Path,
    names: Sequence[str],
    wanted: str | None,
    *,
    tables: Sequence[Table] = (),
    visible: Sequence[str] = (),
) -> str:
    """The sheet that is meant: by name, by one that differs in case only, or by number from 1; else the first visible.

    Raises:
        UsageError: listing the sheets there are.
    """
    if not names:
        raise UsageError(f"{path} has no sheets.", "Save the table as a sheet of a workbook, or as CSV.")
    if wanted is None:
        return next((name for name in names if name in visible), names[0])
    if wanted in names:
        return wanted
    alike = [name for name in names if name.strip().casefold() == wanted.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    if wanted.isdigit() and 1 <= int(wanted) <= len(names):
        return names[int(wanted) - 1]
    listed = ", ".join(f'{number} "{name}"' for number, name in enumerate(names, 1))
    named = f"; or a table: {', '.join(table.name for table in tables)}" if tables else ""
    raise UsageError(
        f'{path} has no sheet "{wanted}".', f"--sheet takes one of these, by name or number: {listed}{named}."
    )


def pick_header_row(place: str, rows: Sequence[tuple[int, Sequence[str]]], wanted: frozenset[str]) -> int:
    """The number of the first row with something in it, unless that is clearly a title above the headers.

    Args:
        place: names file and sheet in the question.
        rows: number and trimmed cells of the first rows, the first of which holds something.
        wanted: headers that a mapping names; a row that holds all of them is the header row.

    Raises:
        UsageError: a title that must be confirmed.
    """
    if wanted:
        for number, cells in rows:
            if wanted <= set(cells):
                return number
    filled = [(number, [cell for cell in cells if cell]) for number, cells in rows]
    width = max(len(cells) for _, cells in filled)
    first, title = filled[0]
    better = next((number for number, cells in filled[1:] if len(set(cells)) == width), None)
    if len(title) <= 1 and width >= _FEW and better is not None:
        raise UsageError(
            f"{place}: row {first} looks like a title, and row {better} like the headers.",
            f"Say so with --header-row {better} (or --header-row {first}).",
        )
    return first
