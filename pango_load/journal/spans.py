"""Runs of adjacent rows, and which rows of a batch stand where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pango_load.journal.standing import BatchState, Part


@dataclass(frozen=True, slots=True)
class RowSpan:
    """Adjacent records by position, `first` and `last` included."""

    first: int
    last: int

    @property
    def rows(self) -> int:
        """How many they are."""
        return self.last - self.first + 1


def placed(valid: Iterable[RowSpan], parts: Mapping[int, Part], rest: BatchState) -> Iterator[tuple[int, BatchState]]:
    """Each valid row of a batch with its state: a part takes as many rows as it has, from its position on."""
    state, left = rest, 0
    for span in valid:
        for position in range(span.first, span.last + 1):
            if part := parts.get(position):
                state, left = part.state, part.rows
            yield position, state if left > 0 else rest
            left -= 1


def joined(spans: Iterable[RowSpan]) -> Iterator[RowSpan]:
    """The same rows in as few spans as can be."""
    held: RowSpan | None = None
    for span in spans:
        if held and span.first == held.last + 1:
            held = RowSpan(held.first, span.last)
            continue
        if held:
            yield held
        held = span
    if held:
        yield held
