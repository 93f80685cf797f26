"""Which rows hold an older value of a record of which a newer one was accepted: sent again, it would come last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pango_load.journal.questions import Questions
from pango_load.journal.standing import BatchState

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOLDS_ACCEPTED = (
    f"(state = {BatchState.ACCEPTED:d} OR EXISTS"  # noqa: S608 - fixed words
    f" (SELECT 1 FROM part WHERE part.batch = number AND part.state = {BatchState.ACCEPTED:d}))"
)
_IS_NOT_ACCEPTED = (
    f"(state <> {BatchState.ACCEPTED:d} OR EXISTS"  # noqa: S608 - fixed words
    f" (SELECT 1 FROM part WHERE part.batch = number AND part.state = {BatchState.UNKNOWN:d}))"
)


class Overtaking(Questions):
    """What `waits_for` tells once a batch stays unknown and those behind it do not wait for it any more."""

    def overtaken_batches(self) -> set[int]:
        """Batches that are not accepted, with a record key of which a later batch, or one behind that, was accepted.

        Each batch names the nearest earlier one with its key, so that those between are gone through. It is known of
        batches, not of rows: not every row of such a batch need be the older one.
        """
        unknown = f"state = {BatchState.UNKNOWN:d} LIMIT 1"
        if not any(self._rows(f"SELECT 1 FROM {table} WHERE {unknown}") for table in ("batch", "part")):  # noqa: S608 - fixed words
            return set()
        pairs = self._rows(
            f"SELECT earlier, batch FROM waits_for JOIN batch ON number = earlier WHERE {_IS_NOT_ACCEPTED}"  # noqa: S608 - fixed words
            " ORDER BY earlier DESC"
        )
        found: set[int] = set()
        for earlier, later in pairs:
            if later in found or self._rows(f"SELECT 1 FROM batch WHERE number = ? AND {_HOLDS_ACCEPTED}", (later,)):  # noqa: S608 - fixed words
                found.add(earlier)
        return found

    def overtaken_rows(self) -> int:
        """How many rows are settled since a newer row of their record key was accepted."""
        state = BatchState.OVERTAKEN
        return self._rows(
            "SELECT (SELECT coalesce(sum(rows), 0) FROM part WHERE state = ?1)"
            " + (SELECT count(*) FROM retried WHERE state = ?1)",
            (int(state),),
        )[0][0]

    def accepted_among(self, positions: Iterable[int]) -> set[int]:
        """Those of the records at `positions` that count as accepted, by the load or by a retry."""
        return {at for at in positions if self._is_accepted(at)}

    def _is_accepted(self, at: int) -> bool:
        if retried := self._rows("SELECT state FROM retried WHERE position = ?", (at,)):
            return retried[0][0] == BatchState.ACCEPTED
        batch = self._rows(
            "SELECT first, first + span, state FROM batch WHERE first <= ? ORDER BY first DESC LIMIT 1", (at,)
        )
        if not batch or at > batch[0][1] or self._placed(at, at):
            return False
        first, _, state = batch[0]
        part = self._rows(
            "SELECT position, rows, state FROM part WHERE position BETWEEN ? AND ? ORDER BY position DESC LIMIT 1",
            (first, at),
        )
        # A part takes as many valid rows as it has, from its position on.
        if part and at - part[0][0] - self._placed(part[0][0], at) < part[0][1]:
            state = part[0][2]
        return bool(state == BatchState.ACCEPTED)

    def _placed(self, first: int, last: int) -> int:
        """How many of the records from `first` to `last` are in no batch."""
        return self._rows(
            "SELECT (SELECT count(*) FROM rejected WHERE position BETWEEN ?1 AND ?2)"
            " + coalesce((SELECT sum(max(0, min(first + rows - 1, ?2) - max(first, ?1) + 1)) FROM skipped WHERE first"
            " BETWEEN coalesce((SELECT max(first) FROM skipped WHERE first < ?1), ?1) AND ?2), 0)",
            (first, last),
        )[0][0]
