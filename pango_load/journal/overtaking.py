"""Which batches hold an older value of a record of which a newer one was accepted: sent again, it would come last."""

from __future__ import annotations

from pango_load.journal.questions import Questions
from pango_load.journal.standing import BatchState

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
