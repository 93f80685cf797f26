"""What a journal should say, kept entry by entry in plain dictionaries."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from pango_load.records import Counts, EntryRef, PlannedBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Place(StrEnum):
    """Where an entry is."""

    UNSENT = "unsent"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass
class Thing:
    """An entry: the rows of the source it is made of, and where it is."""

    batch: int
    rows: list[int]
    place: Place = Place.UNSENT

    @property
    def ref(self) -> EntryRef:
        return EntryRef(self.rows[0], len(self.rows))

    @property
    def is_settled(self) -> bool:
        return self.place in {Place.ACCEPTED, Place.REFUSED}


@dataclass
class Oracle:
    """A load as a whole.

    Attributes:
        batches: the entries of each batch, in order.
        rejected, skipped: rows that are in no batch.
        flying: positions of the entries under way.
    """

    batches: list[list[Thing]]
    rejected: set[int]
    skipped: set[int]
    flying: set[int] = field(default_factory=set)

    @property
    def read(self) -> int:
        return sum(len(thing.rows) for thing in self.things()) + len(self.rejected) + len(self.skipped)

    def things(self) -> Iterator[Thing]:
        for batch in self.batches:
            yield from batch

    def is_flying(self, thing: Thing) -> bool:
        return thing.rows[0] in self.flying

    def place_of(self, thing: Thing) -> Place:
        return Place.UNKNOWN if self.is_flying(thing) else thing.place

    def rows(self, place: Place) -> set[int]:
        return {row for thing in self.things() if self.place_of(thing) is place for row in thing.rows}

    def counts(self) -> Counts:
        return Counts(
            read=self.read,
            accepted=len(self.rows(Place.ACCEPTED)),
            rejected=len(self.rows(Place.REFUSED)) + len(self.rejected),
            skipped=len(self.skipped),
            unknown=len(self.rows(Place.UNKNOWN)),
            unsent=len(self.rows(Place.UNSENT)),
        )

    def to_be_sent(self, *, resend: bool) -> dict[int, set[int]]:
        """Entries by batch, of the batches with nothing under way."""
        wanted = {Place.UNSENT, Place.UNKNOWN} if resend else {Place.UNSENT}
        found = {}
        for number, batch in enumerate(self.batches):
            positions = {thing.rows[0] for thing in batch if thing.place in wanted}
            if positions and not any(map(self.is_flying, batch)):
                found[number] = positions
        return found

    # --- what happens -------------------------------------------------------------------------------------------------

    def land(self, number: int) -> None:
        self.flying -= {thing.rows[0] for thing in self.batches[number]}

    def send(self, number: int, things: Iterable[Thing]) -> None:
        self.land(number)
        self.flying |= {thing.rows[0] for thing in things}

    def lose(self, number: int) -> None:
        for thing in self.batches[number]:
            if self.is_flying(thing):
                thing.place = Place.UNKNOWN
        self.land(number)

    def put(self, things: Iterable[Thing], place: Place) -> None:
        for thing in things:
            thing.place = place
            self.flying.discard(thing.rows[0])

    def crash(self) -> None:
        for number in range(len(self.batches)):
            self.lose(number)

    def plan(self) -> list[PlannedBatch]:
        return [
            PlannedBatch(
                number=number,
                first=batch[0].rows[0],
                last=batch[-1].rows[-1],
                entries=len(batch),
                rows=sum(len(thing.rows) for thing in batch),
            )
            for number, batch in enumerate(self.batches)
        ]
