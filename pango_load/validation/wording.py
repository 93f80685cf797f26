"""Rejected rows in words: the only work that is done row by row, and only for the rows that need it."""

from __future__ import annotations

from collections import defaultdict
from itertools import repeat
from typing import TYPE_CHECKING

from pango_load.catalogue.problems import describe_problem
from pango_load.records import Problem, RejectedRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import polars as pl

    from pango_load.records import Chunk
    from pango_load.validation.judge import Judged, Ruling


_VALUE = "\ue000value\ue001"
"""Stands for a row's own value in the sentences of a ruling; the sentences hold no such letters."""
_OWN_WORDS = {"phone.length"}
"""Problems whose sentence says more of a cell than its text."""


def rejected_rows(judged: Judged) -> Iterator[tuple[int, RejectedRow]]:
    """Every rejected row of a chunk, in its order, with all its problems and its index in the chunk's frame."""
    chunk = judged.chunk
    by_row: defaultdict[int, list[Problem]] = defaultdict(list)
    others: dict[int, tuple[int, int]] = {}
    for ruling in judged.errors:
        others |= {index: (other.row, other.file) for index, other in ruling.others.items()}
        places = ruling.rows.arg_true()
        indexes = places.to_list()
        for index, problem in zip(
            indexes, _problems(chunk, ruling, indexes, _cells(chunk, ruling, places)), strict=True
        ):
            by_row[index].append(problem)
    rejected = sorted(by_row)
    numbers = chunk.rows.gather(rejected).to_list()
    for index, number in zip(rejected, numbers, strict=True):
        yield (
            index,
            RejectedRow(chunk.first + index, number, chunk.file, tuple(by_row[index]), others.get(index)),
        )


def _cells(chunk: Chunk, ruling: Ruling, places: pl.Series) -> list[str | None]:
    """The cells that a ruling is about, as they stand in the file."""
    if ruling.rule is None or ruling.rule.column is None:
        return [ruling.rule.constant if ruling.rule is not None else None] * len(places)
    return chunk.frame.get_column(ruling.rule.column).gather(places).to_list()


def _problems(chunk: Chunk, ruling: Ruling, indexes: Sequence[int], cells: Sequence[str | None]) -> Iterable[Problem]:
    """A ruling in words, for its rows in order: its sentence is made once, and each row's value put in."""
    code, field = ruling.code, ruling.field
    column = (ruling.rule.column or "") if ruling.rule is not None else ""
    places = {**ruling.places, "field": field, "column": column or field}
    if code == "date.format" and ruling.rule is not None and not ruling.rule.formats:
        places["or_pattern"] = ', or give the column\'s pattern in the mapping, for instance format: "%d/%m/%Y"'
    shown = ["" if cell is None else cell for cell in cells]
    said: Iterable[str]
    advised: Iterable[str]
    if code in _OWN_WORDS or ruling.others or not chunk.damaged.keys().isdisjoint(indexes):
        own = (
            describe_problem(code, **{**places, **_own_places(chunk, ruling, index, text)}, value=text)
            for index, text in zip(indexes, shown, strict=True)
        )
        said, advised = zip(*own, strict=True) if indexes else ((), ())
    else:
        message, hint = (text.split(_VALUE) for text in describe_problem(code, **places, value=_VALUE))
        said = [text.join(message) for text in shown]
        advised = [text.join(hint) for text in shown] if len(hint) > 1 else repeat(hint[0])
    return map(Problem, repeat(code), repeat(field), repeat(column), cells, said, advised)


def _own_places(chunk: Chunk, ruling: Ruling, index: int, shown: str) -> dict[str, str]:
    places = {"digits": str(sum(character in "0123456789" for character in shown))}
    if index in chunk.damaged:
        damage = chunk.damaged[index]
        places |= {"expected": damage.expected, "found": damage.found}
    if index in ruling.others:
        places["other"] = ruling.others[index].words
    return places
