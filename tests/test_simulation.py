"""Sender and journal together under a virtual clock: whatever befalls a load, it ends like an undisturbed one."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.delivery_record import make_batches
from support.delivery_world import MOODS, World
from support.journal_samples import DESCRIPTION, FAST_DISK, IDENTITY
from support.virtual_time import VirtualClock, run_virtual

from pango_load.delivery.limiter import Limiter
from pango_load.delivery.pauses import Pauses
from pango_load.delivery.sender import deliver
from pango_load.delivery.stop import StopRequest
from pango_load.errors import Interrupted, LoadStopped
from pango_load.journal.run import Journal
from pango_load.journal.writer import Writer
from pango_load.plan import DeliveryOptions, OnUnknown
from pango_load.records import Counts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from pango_load.delivery.answer import Reply
    from pango_load.journal.ledger import Ledger
    from pango_load.records import Batch, PlannedBatch

PAUSES = Pauses(first_contact=1e9)


class Died(BaseException):
    """The process is gone: nothing after this happens."""


class InlineWriter(Writer):
    """Writes at once and in the loop's own thread, so that virtual time stands still meanwhile; may die at a write."""

    dies_at: int | None = None
    dies_after: bool = False
    writes: int = 0
    is_dead: bool = False

    def write_now(self, write: Callable[[Ledger], None]) -> None:
        if self.dies_at is not None and self.writes > self.dies_at:
            raise Died
        is_last = self.writes == self.dies_at
        self.is_dead = is_last
        self.writes += 1
        if is_last and not self.dies_after:
            raise Died
        db = self.ledger.db
        db.execute("BEGIN IMMEDIATE")
        try:
            write(self.ledger)
            self.ledger.note_pace(self.clock.now())
        except LoadStopped:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")
        if is_last:
            raise Died

    async def write(self, write: Callable[[Ledger], None], *, is_intent: bool = False) -> None:
        await asyncio.sleep(0)
        self.write_now(write)

    def place(self, write: Callable[[Ledger], None], *, is_intent: bool = False) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            self.write_now(write)
        except (Died, LoadStopped) as error:
            done.set_exception(error)
        else:
            done.set_result(None)
        return done

    def put(self, write: Callable[[Ledger], None]) -> None:
        with suppress(Died):
            self.write_now(write)


@dataclass(slots=True)
class Client(World):
    """A platform that goes on with a request though the process that sent it has died."""

    async def receive(self, entries: Sequence[bytes], token: str) -> Reply:
        request = asyncio.ensure_future(World.receive(self, entries, token))
        self.landing.append(request)
        return await asyncio.shield(request)

    landing: list[asyncio.Future[Reply]] = field(default_factory=list)

    async def settle_down(self) -> None:
        """Let everything land that is on its way."""
        await asyncio.gather(*self.landing, return_exceptions=True)
        await self.quiet_down()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """A load and what befalls it.

    Attributes:
        deaths: for each process but the last: the write of its journal at which it dies, and whether it is written.
        stops: for each process: when it is asked to stop, in seconds; None: never.
    """

    seed: int
    batches: int
    size: int
    senders: int
    trouble: float
    poison: float
    keys: bool
    resend: bool
    deaths: tuple[tuple[int, bool], ...]
    stop_at: float | None


fates = st.builds(
    Fate,
    seed=st.integers(0, 2**32),
    batches=st.integers(1, 10),
    size=st.sampled_from([1, 2, 4, 8]),
    senders=st.integers(1, 6),
    trouble=st.sampled_from([0.0, 0.1, 0.3]),
    poison=st.sampled_from([0.0, 0.1]),
    keys=st.booleans(),
    resend=st.booleans(),
    deaths=st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=4).map(tuple),
    stop_at=st.none() | st.floats(0.0, 20.0),
)


async def left(journal: Journal, batches: Sequence[Batch]) -> AsyncIterator[Batch]:
    def made(planned: PlannedBatch) -> Batch:
        return replace(batches[planned.number], plan=planned)

    for planned in journal.unsettled():
        await asyncio.sleep(0)
        yield made(planned)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """How a load ended: what the journal says, what the platform knows, and how often the process died."""

    world: Client
    counts: Counts
    refused: set[int]
    poison: frozenset[int]
    after: dict[int, tuple[int, ...]]
    died: int


def play(fate: Fate, folder: Path) -> Played:
    dice = random.Random(fate.seed)
    after: dict[int, tuple[int, ...]] = {
        number: (dice.randrange(number),) for number in range(1, fate.batches) if fate.keys and dice.random() < 0.5
    }
    count = fate.batches * fate.size
    poison = frozenset(at for at in range(count) if dice.random() < fate.poison and fate.size >= 4 and at % 4)
    clock = VirtualClock()
    moods = dice.sample([mood for mood in MOODS if mood != "ok"], dice.randint(1, len(MOODS) - 1))
    world = Client(
        clock=clock,
        dice=dice,
        read_timeout=20.0,
        moods={mood: fate.trouble / len(moods) for mood in moods},
        poison=poison,
    )
    batches = make_batches(fate.batches, size=fate.size, after=after)
    with Journal.create(folder, identity=IDENTITY, description=DESCRIPTION, clock=clock) as journal:
        journal.plan_batches([batch.plan for batch in batches])
        journal.finish_survey(read=count)
        path = journal.path
    died = 0

    async def live(death: tuple[int, bool] | None) -> bool:
        """One process; whether it came to the end of the load."""
        nonlocal died
        with Journal.open(path, clock=clock) as journal:
            journal._writer.close()
            writer = journal._writer = InlineWriter(journal._ledger, path, clock)
            if death is not None:
                writer.dies_at, writer.dies_after = death
            try:
                await send(journal, fate.stop_at if death is not None else None)
            except Died:
                died += 1
                return False
            except Interrupted:
                # It may have died while it was being stopped: nothing of that was written any more.
                died += writer.is_dead
                return False
            finally:
                writer.dies_at = None
            return True

    async def send(journal: Journal, stop_at: float | None) -> None:
        journal._writer.write_now(lambda _: None)
        journal._ledger.resend = fate.resend
        stop = StopRequest()
        if stop_at is not None:
            asyncio.get_running_loop().call_later(stop_at, stop.ask)
        await deliver(
            left(journal, batches),
            client=world,
            limiter=Limiter((), clock=clock),
            recorder=journal,
            options=DeliveryOptions(
                senders=fate.senders,
                read_timeout=world.read_timeout,
                give_up_after=1e9,
                drain=3.0,
                on_unknown=OnUnknown.RESEND if fate.resend else OnUnknown.HOLD,
            ),
            clock=clock,
            stop=stop,
            pauses=PAUSES,
            dice=dice,
            doubt_until=journal.doubt_ends(world.read_timeout),
            is_proven=journal.counts().accepted > 0,
        )

    async def main() -> None:
        for death in (*fate.deaths, None):
            if await live(death):
                break
        await world.settle_down()

    run_virtual(main(), clock)
    with Journal.open(path, clock=clock) as journal:
        refused = {entry.position for entry in journal.refused_rows()}
        counts = journal.counts()
    return Played(world=world, counts=counts, refused=refused, poison=poison, after=after, died=died)


def check(fate: Fate) -> None:
    with tempfile.TemporaryDirectory(prefix="simulation-", dir=FAST_DISK) as folder:
        played = play(fate, Path(folder))
    world, counts, refused, poison = played.world, played.counts, played.refused, played.poison
    everything = fate.batches * fate.size
    assert (counts.is_balanced, counts.read, counts.unsent) == (True, everything, 0)
    times = Counter(at for _, at in world.applied)
    assert not set(times) & poison
    assert refused <= poison
    assert counts.accepted <= len(times)
    if fate.resend:
        undisturbed = Counts(read=everything, accepted=everything - len(poison), rejected=len(poison))
        assert counts == undisturbed
        assert refused == poison
        assert set(times) == set(range(everything)) - poison
    for at, applied in times.items():
        assert applied - 1 <= world.doubts[at] + played.died
        assert fate.resend or applied == 1
    moments: dict[int, list[float]] = {}
    for moment, at in world.applied:
        moments.setdefault(at // fate.size, []).append(moment)
    for number, earlier in played.after.items():
        for before in earlier:
            if number in moments and before in moments:
                assert max(moments[before]) <= min(moments[number]), f"{before} landed after {number}"


BAD_ROWS_LEFT = Fate(
    seed=460685,
    batches=5,
    size=8,
    senders=1,
    trouble=0.0,
    poison=0.1,
    keys=True,
    resend=False,
    deaths=((2, False), (12, False)),
    stop_at=None,
)
"""Dies while it takes a batch apart of which only refused rows are left then: no sign that the load is wrong."""

DIES_WHILE_STOPPED = Fate(
    seed=0,
    batches=3,
    size=1,
    senders=2,
    trouble=0.0,
    poison=0.0,
    keys=False,
    resend=True,
    deaths=((5, False),),
    stop_at=0.25,
)
"""The death shows as a stop: what was in flight then is sent once more all the same."""


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
@given(fate=fates)
@example(fate=BAD_ROWS_LEFT)
@example(fate=DIES_WHILE_STOPPED)
def test_a_load_that_dies_and_goes_on_ends_like_an_undisturbed_one(fate: Fate) -> None:
    """Protects the promise as a whole: journal and sender agree, whatever the platform, the line and the machine do."""
    check(fate)


@pytest.mark.heavy
@settings(max_examples=5000, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
@given(fate=fates)
def test_thousands_of_loads_that_die_and_go_on_end_like_undisturbed_ones(fate: Fate) -> None:
    """The claim above, with the number of loads that a release deserves."""
    check(fate)
