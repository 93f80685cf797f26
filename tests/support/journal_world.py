"""A platform and a sender in a few lines, to see what a journal makes of every answer and every failure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from pango_load.records import EntryRef, Outcome, RefusedEntry, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pango_load.journal.run import Journal
    from pango_load.records import PlannedBatch


class Answer(StrEnum):
    """What the platform does with a request."""

    OK = "ok"
    BUSY = "busy"
    LOST = "lost"
    DROPPED = "dropped"


@dataclass
class Platform:
    """Keeps what it was sent, refuses requests with a poisoned entry, answers by a script and then always well.

    Attributes:
        script: one answer for each request, in order; LOST is applied and not answered, DROPPED neither.
        applied: how often each entry was applied.
        unheard: how many requests with each entry were never answered.
        seen: every entry that ever arrived.
    """

    poison: frozenset[int] = frozenset()
    script: Iterator[Answer] = field(default_factory=lambda: iter(()))
    applied: Counter[int] = field(default_factory=Counter)
    unheard: Counter[int] = field(default_factory=Counter)
    seen: set[int] = field(default_factory=set)

    def take(self, entries: Sequence[EntryRef]) -> str:
        """Gives "ok", "refused", "busy" or "" for no answer."""
        positions = [entry.position for entry in entries]
        answer = next(self.script, Answer.OK)
        if answer is Answer.BUSY:
            return "busy"
        self.seen.update(positions)
        is_refused = not self.poison.isdisjoint(positions)
        if answer is not Answer.DROPPED and not is_refused:
            self.applied.update(positions)
        if answer in {Answer.LOST, Answer.DROPPED}:
            self.unheard.update(positions)
            return ""
        return "refused" if is_refused else "ok"


def entries_of(batch: PlannedBatch) -> tuple[EntryRef, ...]:
    """The entries of a batch of single rows that are still to be sent."""
    return tuple(EntryRef(at) for at in range(batch.first, batch.last + 1) if at not in batch.done)


async def send_all(journal: Journal, platform: Platform) -> None:
    """Send what is left, one batch after the other, taking refused ones apart by halves."""
    for batch in journal.unsettled():
        await send_batch(journal, platform, batch)


async def send_batch(journal: Journal, platform: Platform, batch: PlannedBatch) -> None:
    entries = entries_of(batch)
    answer = await _exchange(journal, platform, batch.number, entries, whole=True)
    if answer == "ok":
        await journal.settled(Outcome(batch=batch.number, verdict=Verdict.ACCEPTED, http=200))
        return
    refused = await _take_apart(journal, platform, batch.number, entries)
    verdict = Verdict.REFUSED if len(refused) == len(entries) else Verdict.ACCEPTED
    await journal.settled(Outcome(batch=batch.number, verdict=verdict, refused=tuple(refused), http=400))


async def _take_apart(
    journal: Journal, platform: Platform, number: int, entries: tuple[EntryRef, ...]
) -> list[RefusedEntry]:
    """`entries` were refused together: find out which."""
    if len(entries) == 1:
        refused = RefusedEntry(position=entries[0].position, code="pango.refused", message="not a customer")
        # The sender keeps some refusals for the end of their batch: both ways must hold.
        if not entries[0].position % 2:
            await journal.piece(number, refused=(refused,))
        return [refused]
    found = []
    middle = len(entries) // 2
    for half in (entries[:middle], entries[middle:]):
        if await _exchange(journal, platform, number, half, whole=False) == "ok":
            await journal.piece(number, accepted=half)
        else:
            found += await _take_apart(journal, platform, number, half)
    return found


async def _exchange(
    journal: Journal, platform: Platform, number: int, entries: tuple[EntryRef, ...], *, whole: bool
) -> str:
    while True:
        await journal.sending(number, None if whole else entries)
        match platform.take(entries):
            case "busy":
                await journal.returned(number)
            case "":
                await journal.unanswered(number)
            case answer:
                return answer
