"""Rejected rows in words: the only work that is done row by row, and only for the rows that need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pango_load.catalogue.problems import describe_problem
from pango_load.records import Problem, RejectedRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pango_load.records import Chunk
    from pango_load.validation.judge import Judged, Ruling


def rejected_rows(judged: Judged) -> Iterator[tuple[int, RejectedRow]]:
    """Every rejected row of a chunk, in its order, with all its problems and its index in the chunk's frame."""
    chunk = judged.chunk
    by_row: dict[int, list[Problem]] = {}
    for ruling in judged.errors:
        indexes = ruling.rows.arg_true()
        cells = _cells(chunk, ruling, indexes.to_list())
        for index, value in cells:
            by_row.setdefault(index, []).append(_problem(chunk, index, value, ruling))
    rejected = sorted(by_row)
    for index, row in zip(rejected, chunk.rows.gather(rejected).to_list(), strict=True):
        yield (
            index,
            RejectedRow(position=chunk.first + index, row=row, file=chunk.file, problems=tuple(by_row[index])),
        )


def _cells(chunk: Chunk, ruling: Ruling, indexes: list[int]) -> list[tuple[int, str | None]]:
    """The cells that a ruling is about, as they stand in the file."""
    if ruling.rule is None or ruling.rule.column is None:
        same = ruling.rule.constant if ruling.rule is not None else None
        return [(index, same) for index in indexes]
    return list(zip(indexes, chunk.frame[ruling.rule.column].gather(indexes).to_list(), strict=True))


def _problem(chunk: Chunk, index: int, value: str | None, ruling: Ruling) -> Problem:
    column = (ruling.rule.column or "") if ruling.rule is not None else ""
    shown = value if value is not None else ""
    places = {**ruling.places, "field": ruling.field, "value": shown, "column": column or ruling.field}
    if index in chunk.damaged:
        damage = chunk.damaged[index]
        places |= {"expected": damage.expected, "found": damage.found}
    if ruling.code == "date.format" and ruling.rule is not None and not ruling.rule.formats:
        places["or_pattern"] = ', or give the column\'s pattern in the mapping, for instance format: "%d/%m/%Y"'
    if ruling.code == "phone.length":
        places["digits"] = str(sum(character in "0123456789" for character in shown))
    message, hint = describe_problem(ruling.code, **places)
    return Problem(code=ruling.code, field=ruling.field, column=column, value=value, message=message, hint=hint)
