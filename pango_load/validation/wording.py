"""Rejected rows in words: the only work that is done row by row, and only for the rows that need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pango_load.catalogue.problems import describe_problem
from pango_load.records import Problem, RejectedRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pango_load.validation.judge import Judged, Ruling


def rejected_rows(judged: Judged) -> Iterator[tuple[int, RejectedRow]]:
    """Every rejected row of a chunk, in its order, with all its problems and its index in the chunk's frame."""
    by_row: dict[int, list[Ruling]] = {}
    for ruling in judged.errors:
        for index in ruling.rows.arg_true().to_list():
            by_row.setdefault(index, []).append(ruling)
    chunk = judged.chunk
    for index in sorted(by_row):
        yield (
            index,
            RejectedRow(
                position=chunk.first + index,
                row=chunk.rows[index],
                file=chunk.file,
                problems=tuple(_problem(judged, index, ruling) for ruling in by_row[index]),
            ),
        )


def _problem(judged: Judged, index: int, ruling: Ruling) -> Problem:
    places = dict(ruling.places)
    value: str | None = None
    column = ""
    if index in judged.chunk.damaged:
        damage = judged.chunk.damaged[index]
        places |= {"expected": damage.expected, "found": damage.found}
    elif ruling.rule is not None:
        column = ruling.rule.column or ""
        value = judged.chunk.frame[column][index] if column else ruling.rule.constant
    shown = value if value is not None else ""
    places |= {"field": ruling.field, "value": shown, "column": column or ruling.field}
    if ruling.code == "phone.length":
        places["digits"] = str(sum(character in "0123456789" for character in shown))
    message, hint = describe_problem(ruling.code, **places)
    return Problem(code=ruling.code, field=ruling.field, column=column, value=value, message=message, hint=hint)
