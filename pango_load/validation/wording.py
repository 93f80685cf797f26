"""Rejected rows in words: the only work that is done row by row, and only for the rows that need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pango_load.catalogue.problems import describe_problem
from pango_load.records import Problem, RejectedRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pango_load.records import Chunk
    from pango_load.validation.judge import Judged, Ruling


_VALUE = "\ue000value\ue001"
"""Stands for a row's own value in the sentences of a ruling; the sentences hold no such letters."""
_OWN_WORDS = {"phone.length"}
"""Problems whose sentence says more of a cell than its text."""


def rejected_rows(judged: Judged) -> Iterator[tuple[int, RejectedRow]]:
    """Every rejected row of a chunk, in its order, with all its problems and its index in the chunk's frame."""
    chunk = judged.chunk
    by_row: dict[int, list[Problem]] = {}
    others: dict[int, tuple[int, int]] = {}
    for ruling in judged.errors:
        others |= {index: (other.row, other.file) for index, other in ruling.others.items()}
        indexes = ruling.rows.arg_true()
        for index, problem in _problems(chunk, ruling, _cells(chunk, ruling, indexes.to_list())):
            by_row.setdefault(index, []).append(problem)
    rejected = sorted(by_row)
    for index, row in zip(rejected, chunk.rows.gather(rejected).to_list(), strict=True):
        yield (
            index,
            RejectedRow(
                position=chunk.first + index,
                row=row,
                file=chunk.file,
                problems=tuple(by_row[index]),
                other=others.get(index),
            ),
        )


def _cells(chunk: Chunk, ruling: Ruling, indexes: list[int]) -> list[tuple[int, str | None]]:
    """The cells that a ruling is about, as they stand in the file."""
    if ruling.rule is None or ruling.rule.column is None:
        same = ruling.rule.constant if ruling.rule is not None else None
        return [(index, same) for index in indexes]
    return list(zip(indexes, chunk.frame.get_column(ruling.rule.column).gather(indexes).to_list(), strict=True))


def _problems(chunk: Chunk, ruling: Ruling, cells: list[tuple[int, str | None]]) -> Iterator[tuple[int, Problem]]:
    """A ruling in words, row by row: its sentence is made once, and each row's value put in."""
    code, field = ruling.code, ruling.field
    column = (ruling.rule.column or "") if ruling.rule is not None else ""
    places = {**ruling.places, "field": field, "column": column or field}
    if code == "date.format" and ruling.rule is not None and not ruling.rule.formats:
        places["or_pattern"] = ', or give the column\'s pattern in the mapping, for instance format: "%d/%m/%Y"'
    message, hint = (text.split(_VALUE) for text in describe_problem(code, **places, value=_VALUE))
    for index, value in cells:
        shown = value if value is not None else ""
        if code in _OWN_WORDS or index in chunk.damaged or ruling.others:
            own = {**places, **_own_places(chunk, index, shown)}
            if index in ruling.others:
                own["other"] = ruling.others[index].words
            said, advised = describe_problem(code, **own, value=shown)
        else:
            said, advised = shown.join(message), shown.join(hint)
        yield index, Problem(code=code, field=field, column=column, value=value, message=said, hint=advised)


def _own_places(chunk: Chunk, index: int, shown: str) -> dict[str, str]:
    places = {"digits": str(sum(character in "0123456789" for character in shown))}
    if index in chunk.damaged:
        damage = chunk.damaged[index]
        places |= {"expected": damage.expected, "found": damage.found}
    return places
