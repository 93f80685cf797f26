"""A retry sends a group of rows whole or not at all, also where some of its rows cannot be read any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from pango_load.errors import UsageError
from pango_load.journal.mending import Left
from pango_load.selection import KEY_REPEATED
from pango_load.validation.groups import GroupJudge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pango_load.journal.mending import LeftRows
    from pango_load.journal.numbering import RowNumbers
    from pango_load.journal.reading import JournalReader
    from pango_load.picked_rows import PickedRows
    from pango_load.records import FieldMapping


class _Row(IntEnum):
    """What is known of a row that the run has left."""

    GONE = 0
    """It stands in no file any more."""
    SENT = 1
    KEYED = 2
    """It stands elsewhere, and its group is known."""
    KEYLESS = 3
    """It stands elsewhere, and may belong to the group before it as well as to the one after it."""


@dataclass(slots=True, kw_only=True)
class GroupParts:
    """Looks for groups of which a part would be sent.

    Attributes:
        mapping: by which the rows are sent; it groups them.
        left: every row that the run has left.
        numbers: how its rows are numbered.
        journal: of the run.
        path: the mended file, for messages.
        run: its id, for messages.
    """

    mapping: FieldMapping
    left: LeftRows
    numbers: RowNumbers
    journal: JournalReader
    path: str
    run: str
    _rows: bytearray = field(init=False)
    _sent: dict[str, int] = field(init=False, default_factory=dict)

    def refuse(self, sent: PickedRows, before: PickedRows | None, elsewhere: Sequence[PickedRows]) -> None:
        """No entry is sent with an item missing: all rows of a group are mended together, or none.

        Args:
            sent: the rows that would be sent.
            before: the run's own row files, where some of them may stand with the cells of then.
            elsewhere: rows that would not be sent.

        Raises:
            UsageError: a row of the run is left that shares its group with a row that would be sent, or may do so.
        """
        self._rows = bytearray(len(self.left))
        for index, row, key in self._keys(sent):
            self._rows[index] = _Row.SENT
            if key is not None:
                self._sent.setdefault(key, row)
        for index, row, key in self._keys(before) if before is not None else ():
            if self._rows[index] == _Row.SENT and key is not None:
                # Its key is among what was mended: the others of its group still have the old one.
                self._sent.setdefault(key, row)
        for rows in elsewhere:
            for index, row, key in self._keys(rows):
                self._rows[index] = _Row.KEYLESS if key is None else _Row.KEYED
                if key is not None and (with_row := self._sent.get(key)) is not None:
                    raise self._part(f"row {row} of run {self.run} has the {self._column} of row {with_row},")
        self._refuse_unplaced()

    @property
    def _column(self) -> str:
        return self.mapping.groups[0].group_by

    def _keys(self, rows: PickedRows) -> Iterator[tuple[int, int, str | None]]:
        """Index in `LeftRows`, number and cleaned key of each row."""
        judge = GroupJudge(self.mapping)
        for chunk in rows.read_chunks():
            told = zip(chunk.rows.to_list(), judge.keys(chunk).to_list(), strict=True)
            for at, (row, key) in enumerate(told, chunk.first):
                yield rows.picks.left[at], row, key

    def _refuse_unplaced(self) -> None:
        """Rows of which nothing tells the group belong to both their neighbours."""
        unplaced = [at for at, row in enumerate(self._rows) if row in {_Row.GONE, _Row.KEYLESS}]
        if not unplaced:
            return
        told = self._told()
        # Where the source was sorted, a row without a key stands apart from the row that it holds up.
        for position, other in told.items():
            index, its = self.left.find(position), self._index_of(other)
            if its >= 0 and self._rows[index] == _Row.SENT and self._rows[its] in {_Row.GONE, _Row.KEYLESS}:
                raise self._doubt(its, index)
        for at in unplaced:
            for beside in (at - 1, at + 1):
                is_sent = 0 <= beside < len(self.left) and self._rows[beside] == _Row.SENT
                if is_sent and self._may_share(at, beside, told) and self._is_adjacent(*sorted((at, beside))):
                    raise self._doubt(at, beside)

    def _told(self) -> dict[int, tuple[int, int]]:
        """For rows that were rejected with their group: row and file of the row that it was rejected for."""
        notes = self.journal.rejected_for_others()
        return {
            note.position: note.other
            for note in notes
            if note.other is not None
            and self.left.find(note.position) >= 0
            and all(code != KEY_REPEATED for code, _ in note.problems)
        }

    def _index_of(self, place: tuple[int, int]) -> int:
        position = self.numbers.position(*place)
        return -1 if position is None else self.left.find(position)

    def _may_share(self, one: int, other: int, told: dict[int, tuple[int, int]]) -> bool:
        """Rows of one entry were refused together, or are unknown together, or were rejected for the same row."""
        if self.left.entries[one] != self.left.entries[other]:
            return False
        if (self.left.kind(one) is Left.HELD) is not (self.left.kind(other) is Left.HELD):
            return False
        blamed = [told.get(self.left.positions[index]) for index in (one, other)]
        return None in blamed or blamed[0] == blamed[1]

    def _is_adjacent(self, one: int, other: int) -> bool:
        """Whether nothing stands between two rows but what was skipped, such as blank rows."""
        first, last = self.left.positions[one] + 1, self.left.positions[other] - 1
        return first > last or len(self.journal.skipped_positions(first, last)) == last - first + 1

    def _doubt(self, index: int, beside: int) -> UsageError:
        (row, _), (with_row, _) = (self.numbers.place(self.left.positions[at]) for at in (index, beside))
        why = "stands in no file any more" if self._rows[index] == _Row.GONE else f"has no {self._column}"
        return self._part(f"row {row} of run {self.run} {why}, may belong to row {with_row},")

    def _part(self, what: str) -> UsageError:
        return UsageError(
            f"{self.path} holds a part of an entry: {what} and is not sent with it.",
            "Put that row back as well, or take the others of its group out.",
        )
