"""What a person should know about a sheet before its rows are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pango_load.errors import UsageError
from pango_load.source.formats import RoundedNumbers
from pango_load.source.workbook import column_letters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pango_load.source.workbook import SheetFacts

_LARGE = 20 << 20
_GROWTH = 20
_SHOWN = 3


def rounded_numbers(facts: SheetFacts, names: Mapping[int, str], *, after: int) -> tuple[RoundedNumbers, ...]:
    """The columns (number -> header) with numbers of more than 15 digits below the row `after`."""
    rows: dict[str, list[int]] = {}
    for row, column in sorted(facts.long_numbers):
        if row > after and column in names:
            rows.setdefault(names[column], []).append(row)
    return tuple(RoundedNumbers(column=name, count=len(all_), rows=tuple(all_[:_SHOWN])) for name, all_ in rows.items())


def sheet_notes(
    name: str, others: int, facts: SheetFacts, *, columns: Mapping[int, str], visible_only: bool
) -> tuple[str, ...]:
    """What a person should know about a sheet before its rows are sent; `columns` are number -> header."""
    notes = [f"sheet {name}" + (f" ({_count(others, 'other sheet')} not read)" if others else "")]
    if not facts.was_scanned:
        notes.append("error cells and hidden rows of this format cannot be seen: save it as .xlsx to have them told")
    if facts.hidden_rows:
        what = "left out" if visible_only else "read too; --visible-only leaves them out"
        notes.append(f"{_count(len(facts.hidden_rows), 'hidden row')}, {what}")
    hidden = [column_letters(column) for column in facts.hidden_columns]
    seen = [letters for column, letters in zip(facts.hidden_columns, hidden, strict=True) if column in columns]
    if seen:
        notes.append(f"hidden {_listed('column', seen)}, read too; --visible-only leaves them out")
    elif hidden and visible_only:
        notes.append("hidden columns are left out")
    shown = [column_letters(column) for column in facts.zeros.columns if column in columns]
    if shown:
        notes.append(f"{_listed('column', shown)}: numbers with the leading zeros that their format shows")
    if facts.filtered:
        notes.append("a filter is set; rows that it hides are read too" if not visible_only else "a filter is set")
    if facts.merged:
        notes.append(f"{_count(facts.merged, 'merged area')}: only the first cell of each has a value")
    return tuple(notes)


def memory_note(size: int) -> tuple[str, ...]:
    """Measured: a packed workbook of 26 MB takes 550 MB."""
    if size < _LARGE:
        return ()
    return (f"about {size * _GROWTH >> 20:,} MB of memory; --low-memory needs little, and more time",)


def refuse_too_large(path: Path, size: int, free: int | None) -> None:
    """Say what a workbook of `size` bytes takes before it takes it, where it is more than is `free`.

    Raises:
        UsageError: naming both, and the way that needs little.
    """
    if free is None or size < _LARGE or size * _GROWTH <= free:
        return
    raise UsageError(
        f"{path} would take about {size * _GROWTH >> 20:,} MB of memory, and {free >> 20:,} MB are free.",
        "Add --low-memory, which needs little and more time, or export the sheet as CSV UTF-8.",
    )


def passed_note(name: str) -> tuple[str, ...]:
    """That the first sheet is not the one that is read."""
    return (f"sheet {name} is hidden or holds no cells, and is passed over; --sheet names another",) if name else ()


def _listed(what: str, letters: Sequence[str]) -> str:
    return f"{what if len(letters) == 1 else what + 's'} {', '.join(letters)}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
