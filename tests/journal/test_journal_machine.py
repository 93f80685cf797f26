"""Any order of what can happen to a load, checked after each step against plain dictionaries."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.journal_oracle import Oracle, Place, Thing
from support.journal_samples import DESCRIPTION, FAST_DISK, IDENTITY, HandClock, copy_of

from pango_load.journal.ledger import RejectedNote
from pango_load.journal.run import Journal
from pango_load.journal.spans import RowSpan
from pango_load.plan import OnUnknown
from pango_load.records import EntryRef, Outcome, RefusedEntry, Verdict

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

# Each row of the source: in an entry (beginning one, or going on with it), rejected, or skipped.
_ROWS = st.lists(st.sampled_from(["entry", "entry", "entry", "more", "rejected", "skipped"]), min_size=1, max_size=24)


def lay_out(kinds: list[str], per_batch: int) -> Oracle:
    """A source of those rows, planned into batches of `per_batch` entries."""
    things: list[Thing] = []
    out: dict[str, set[int]] = {"rejected": set(), "skipped": set()}
    for row, kind in enumerate(kinds):
        if kind in out:
            out[kind].add(row)
        elif kind == "more" and things:
            things[-1].rows.append(row)
        else:
            things.append(Thing(batch=0, rows=[row]))
    batches = [things[at : at + per_batch] for at in range(0, len(things), per_batch)]
    for number, batch in enumerate(batches):
        for thing in batch:
            thing.batch = number
    return Oracle(batches=batches, rejected=out["rejected"], skipped=out["skipped"])


class LoadMachine(RuleBasedStateMachine):
    """A load that sends, is answered, loses answers, is taken apart, is killed and goes on."""

    @initialize(kinds=_ROWS, per_batch=st.integers(1, 5), hold=st.booleans())
    def survey(self, kinds: list[str], per_batch: int, *, hold: bool) -> None:
        self.home = tempfile.TemporaryDirectory(prefix="journal-", dir=FAST_DISK)
        self.crashes = 0
        self.lost = 0
        self.loop = asyncio.new_event_loop()
        self.oracle = lay_out(kinds, per_batch)
        self.journal = Journal.create(
            Path(self.home.name), identity=IDENTITY, description=DESCRIPTION, clock=HandClock()
        )
        self.journal.plan_batches(self.oracle.plan())
        self.journal.reject([RejectedNote(position=at, row=at + 2) for at in sorted(self.oracle.rejected)])
        self.journal.skip([RowSpan(at, at) for at in sorted(self.oracle.skipped)])
        self.journal.finish_survey(read=len(kinds))
        self.resend = not hold
        self.journal.begin_sending(OnUnknown.HOLD if hold else OnUnknown.RESEND)

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
            self.loop.close()
            self.home.cleanup()

    def run(self, step: Coroutine[object, object, None]) -> None:
        self.loop.run_until_complete(step)

    async def tell(self, outcome: Outcome) -> None:
        await self.journal.settled(outcome)

    def choose(self, data: st.DataObject, things: Iterable[Thing], least: int = 1) -> list[Thing]:
        pool = list(things)
        picked = data.draw(st.lists(st.sampled_from(range(len(pool))), unique=True, min_size=least))
        return [pool[index] for index in sorted(picked)]

    def idle(self) -> list[int]:
        return list(self.oracle.to_be_sent(resend=self.resend))

    def under_way(self) -> list[int]:
        return [number for number, batch in enumerate(self.oracle.batches) if any(map(self.oracle.is_flying, batch))]

    @precondition(lambda self: self.idle())
    @rule(data=st.data())
    def send_whole(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.idle()))
        wanted = self.oracle.to_be_sent(resend=self.resend)[number]
        self.run(self.journal.sending(number))
        self.oracle.send(number, [thing for thing in self.oracle.batches[number] if thing.rows[0] in wanted])

    @precondition(lambda self: self.idle() or self.under_way())
    @rule(data=st.data())
    def send_piece(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted({*self.idle(), *self.under_way()})))
        things = self.choose(data, [thing for thing in self.oracle.batches[number] if not thing.is_settled])
        self.run(self.journal.sending(number, tuple(thing.ref for thing in things)))
        self.oracle.send(number, things)

    @precondition(lambda self: self.under_way())
    @rule(data=st.data())
    def turn_away(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.under_way()))
        self.run(self.journal.returned(number))
        self.oracle.land(number)

    @precondition(lambda self: self.under_way())
    @rule(data=st.data(), settles=st.booleans())
    def lose_answer(self, data: st.DataObject, *, settles: bool) -> None:
        number = data.draw(st.sampled_from(self.under_way()))
        if settles:
            self.run(self.tell(Outcome(batch=number, verdict=Verdict.UNKNOWN)))
        else:
            self.run(self.journal.unanswered(number))
        self.oracle.lose(number)
        self.lost += 1

    @precondition(lambda self: self.under_way())
    @rule(data=st.data())
    def take_apart(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.under_way()))
        things = self.choose(data, filter(self.oracle.is_flying, self.oracle.batches[number]))
        places = [data.draw(st.sampled_from([Place.ACCEPTED, Place.REFUSED, Place.UNKNOWN])) for _ in things]
        by_place = {
            place: [thing for thing, its in zip(things, places, strict=True) if its is place] for place in Place
        }
        self.run(
            self.journal.piece(
                number,
                accepted=refs(by_place[Place.ACCEPTED]),
                refused=refusals(by_place[Place.REFUSED]),
                held=refs(by_place[Place.UNKNOWN]),
            )
        )
        for place, some in by_place.items():
            self.oracle.put(some, place)

    @precondition(lambda self: self.under_way())
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.under_way()))
        batch = self.oracle.batches[number]
        # A sender settles a batch when nothing of it is left but what is under way and what it holds.
        if any(not thing.is_settled and not self.oracle.is_flying(thing) for thing in batch):
            return
        flying = [thing for thing in batch if self.oracle.is_flying(thing)]
        others = self.choose(data, flying, least=0)
        refused = [thing for thing in others if data.draw(st.booleans())]
        held = [thing for thing in others if thing not in refused]
        verdict = Verdict.REFUSED if len(others) == len(flying) else Verdict.ACCEPTED
        outcome = Outcome(batch=number, verdict=verdict, refused=refusals(refused), held=refs(held))
        self.run(self.tell(outcome))
        self.oracle.put(refused, Place.REFUSED)
        self.oracle.put(held, Place.UNKNOWN)
        self.oracle.put([thing for thing in flying if thing not in others], Place.ACCEPTED)

    @rule(hold=st.booleans())
    def crash_and_go_on(self, *, hold: bool) -> None:
        self.crashes += 1
        path = copy_of(self.journal.path, Path(self.home.name) / f"crash-{self.crashes}")
        self.journal.close()
        self.lost += len(self.under_way())
        self.journal = Journal.open(path, clock=HandClock())
        self.resend = not hold
        self.journal.begin_sending(OnUnknown.HOLD if hold else OnUnknown.RESEND)
        self.oracle.crash()

    @invariant()
    def every_row_is_in_one_place(self) -> None:
        if not hasattr(self, "journal"):
            return
        counts = self.journal.counts()
        assert counts.is_balanced
        assert counts == self.oracle.counts()
        entries = self.journal.entry_counts()
        assert entries.is_balanced
        assert entries.unknown == sum(self.oracle.place_of(thing) is Place.UNKNOWN for thing in self.oracle.things())

    @invariant()
    def the_rows_behind_the_numbers_are_those(self) -> None:
        if not hasattr(self, "journal"):
            return
        assert rows_in(self.journal.unknown_spans()) == sorted(self.oracle.rows(Place.UNKNOWN))
        assert rows_in(self.journal.unsent_spans()) == sorted(self.oracle.rows(Place.UNSENT))
        refused = [
            row
            for entry in self.journal.refused_rows()
            for span in self.journal.span_of(as_ref(entry))
            for row in range(span.first, span.last + 1)
        ]
        assert refused == sorted(self.oracle.rows(Place.REFUSED))
        assert [note.position for note in self.journal.rejected_rows()] == sorted(self.oracle.rejected)
        assert self.journal.traffic().lost == self.lost

    @invariant()
    def exactly_what_is_left_would_be_sent(self) -> None:
        if not hasattr(self, "journal"):
            return
        heads = {n: {thing.rows[0] for thing in batch} for n, batch in enumerate(self.oracle.batches)}
        flying = set(self.under_way())
        left = {
            batch.number: heads[batch.number] - set(batch.done)
            for batch in self.journal.unsettled()
            if batch.number not in flying
        }
        assert left == self.oracle.to_be_sent(resend=self.resend)


def as_ref(entry: RefusedEntry) -> EntryRef:
    return EntryRef(entry.position, entry.rows)


def refs(things: Iterable[Thing]) -> tuple[EntryRef, ...]:
    return tuple(thing.ref for thing in things)


def refusals(things: Iterable[Thing]) -> tuple[RefusedEntry, ...]:
    return tuple(
        RefusedEntry(position=thing.rows[0], code="pango.refused", message="not this one", rows=len(thing.rows))
        for thing in things
    )


def rows_in(spans: Iterable[RowSpan]) -> list[int]:
    return [row for span in spans for row in range(span.first, span.last + 1)]


LoadMachine.TestCase.settings = settings(
    max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestAnyOrderOfEvents = LoadMachine.TestCase


class ManyMachine(LoadMachine):
    """The same for longer."""


ManyMachine.TestCase.settings = settings(
    max_examples=500, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestAnyOrderOfManyEvents = pytest.mark.heavy(ManyMachine.TestCase)
