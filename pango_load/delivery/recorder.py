"""What delivery asks of whoever remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from pango_load.records import EntryRef, Outcome, RefusedEntry


class Recorder(Protocol):
    """Remembers what happened, durably: when a call returns, a crash cannot undo it.

    What it is told first is durable first: no crash keeps a call and undoes one that was begun before it.

    A call that raises stops the load; a request whose intention could not be recorded is not sent.
    """

    async def sending(self, number: int, entries: tuple[EntryRef, ...] | None = None) -> None:
        """A request for batch `number` is about to leave.

        `entries` are what it carries, where that is only a part of the batch; None: all of it.
        """
        ...

    async def unanswered(self, number: int) -> None:
        """What was sent last may or may not have been taken: from now on it is unknown."""
        ...

    async def returned(self, number: int) -> None:
        """What was sent last was certainly not taken, and nothing is settled by that: it stands where it stood."""
        ...

    async def piece(
        self,
        number: int,
        *,
        accepted: tuple[EntryRef, ...] = (),
        refused: tuple[RefusedEntry, ...] = (),
        held: tuple[EntryRef, ...] = (),
    ) -> None:
        """Part of a batch that was taken apart is settled; `held`: their answer never came, they are not sent again."""
        ...

    def settled(self, outcome: Outcome) -> Awaitable[None]:
        """Batch `outcome.batch` is done with. Its `refused` and `held` repeat what `piece` has told in this run.

        A future has its place in the order already; a coroutine takes it in its first step.
        """
        ...
