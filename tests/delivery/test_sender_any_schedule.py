"""Whatever the platform does, every entry ends where it belongs (issue: the promise of the design, section 1)."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.delivery_record import ACCEPTED, DOUBT, HELD, REFUSED, SENT, StrictRecord, make_batches
from support.delivery_world import MOODS, SECRET, World, stream
from support.virtual_time import VirtualClock, run_virtual

from pango_load.delivery.limiter import Limiter
from pango_load.delivery.pauses import Pauses
from pango_load.delivery.sender import deliver
from pango_load.delivery.stop import StopRequest
from pango_load.errors import Interrupted
from pango_load.plan import DeliveryOptions, OnUnknown, Window

PAUSES = Pauses(first_contact=1e9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    seed: int
    batches: int
    size: int
    senders: int
    trouble: float
    poison: float
    keys: bool
    resend: bool
    limited: bool
    names_index: bool
    stop_at: float | None = None
    drain: float = 3.0


schedules = st.builds(
    Schedule,
    seed=st.integers(0, 2**32),
    batches=st.integers(1, 12),
    size=st.sampled_from([1, 2, 4, 8, 16, 20]),
    senders=st.integers(1, 8),
    trouble=st.sampled_from([0.0, 0.1, 0.3, 0.6]),
    poison=st.sampled_from([0.0, 0.02, 0.3]),
    keys=st.booleans(),
    resend=st.booleans(),
    limited=st.booleans(),
    names_index=st.booleans(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    world: World
    record: StrictRecord
    after: dict[int, tuple[int, ...]]
    poison: frozenset[int]
    was_stopped: bool


def run(schedule: Schedule) -> Run:
    dice = random.Random(schedule.seed)
    after = {}
    if schedule.keys:
        for number in range(1, schedule.batches):
            if dice.random() < 0.5:
                after[number] = tuple(sorted(dice.sample(range(number), min(number, dice.choice([1, 1, 2])))))
    count = schedule.batches * schedule.size
    # Nothing here may look like a batch that is refused as a whole: that is another claim.
    share = min(schedule.poison, 0.02) if schedule.size > 8 else schedule.poison
    poison = frozenset(at for at in range(count) if dice.random() < share and (schedule.size < 4 or at % 4 != 0))
    clock = VirtualClock()
    options = DeliveryOptions(
        senders=schedule.senders,
        read_timeout=20.0,
        give_up_after=1e9,
        drain=schedule.drain,
        on_unknown=OnUnknown.RESEND if schedule.resend else OnUnknown.HOLD,
    )
    moods = [mood for mood in MOODS if mood != "ok"]
    chosen = dice.sample(moods, dice.randint(1, len(moods)))
    world = World(
        clock=clock,
        dice=dice,
        read_timeout=options.read_timeout,
        moods={mood: schedule.trouble / len(chosen) for mood in chosen},
        poison=poison,
        names_index=schedule.names_index,
    )
    batches = make_batches(schedule.batches, size=schedule.size, after=after)
    record = StrictRecord(batches)
    was_stopped = False

    async def main() -> None:
        nonlocal was_stopped
        windows = (Window(1, 5), Window(60, 50)) if schedule.limited else ()
        stop = StopRequest()
        if schedule.stop_at is not None:
            asyncio.get_running_loop().call_later(schedule.stop_at, stop.ask)
        try:
            await deliver(
                stream(batches),
                client=world,
                limiter=Limiter(windows, clock=clock),
                recorder=record,
                options=options,
                clock=clock,
                stop=stop,
                pauses=PAUSES,
                dice=dice,
            )
        except Interrupted:
            was_stopped = True
        await world.quiet_down()

    run_virtual(main(), clock)
    return Run(world=world, record=record, after=after, poison=poison, was_stopped=was_stopped)


def check_promises(schedule: Schedule, done: Run) -> None:
    record, world = done.record, done.world
    taken: dict[int, int] = {}
    for _, at in world.applied:
        taken[at] = taken.get(at, 0) + 1
    # Accepted means that the platform took it, and refused that it did not.
    assert record.positions(ACCEPTED) <= set(taken)
    assert record.positions(REFUSED) <= done.poison
    assert not set(taken) & done.poison
    # Nothing is taken twice but for an answer that never came, and nothing at all twice where nothing is repeated.
    for at, times in taken.items():
        assert times - 1 <= world.doubts[at]
        assert schedule.resend or times == 1
    # What is neither settled nor doubtful never reached the platform.
    untold = set(taken) - record.positions(ACCEPTED)
    assert untold <= record.positions(DOUBT, HELD)
    said = " ".join(f"{entry.code} {entry.message}" for each in record.outcomes.values() for entry in each.refused)
    assert SECRET not in said
    assert "canary" not in said
    assert "C-0" not in said


def check_order(done: Run, size: int) -> None:
    """Every request of a batch left, and landed, after all of the batches it waits for."""
    times: dict[int, list[float]] = {}
    for moment, at in done.world.applied:
        times.setdefault(at // size, []).append(moment)
    for number, earlier in done.after.items():
        for before in earlier:
            if number in times and before in times:
                assert max(times[before]) <= min(times[number]), f"{before} landed after {number}"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schedule=schedules)
def test_every_entry_ends_where_it_belongs_whatever_the_platform_does(schedule: Schedule) -> None:
    """Protects whoever reads the totals: no row lost, none counted twice, none sent twice without need."""
    done = run(schedule)

    check_promises(schedule, done)
    check_order(done, schedule.size)
    everything = set(range(schedule.batches * schedule.size))
    assert len(done.record.outcomes) == schedule.batches
    if schedule.resend:
        assert done.record.positions(ACCEPTED) == everything - done.poison
        assert done.record.positions(REFUSED) == done.poison
    else:
        assert done.record.positions(ACCEPTED, REFUSED, HELD) == everything


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schedule=schedules, stop_at=st.floats(0.0, 60.0))
def test_a_load_stopped_at_any_moment_knows_where_everything_is(schedule: Schedule, stop_at: float) -> None:
    """Protects whoever presses Ctrl-C: nothing is left in the air without a record of it."""
    interrupted = Schedule(**{name: getattr(schedule, name) for name in Schedule.__slots__} | {"stop_at": stop_at})

    done = run(interrupted)

    check_promises(interrupted, done)
    check_order(done, schedule.size)
    assert not done.record.positions(SENT)
    assert done.was_stopped or len(done.record.outcomes) == schedule.batches


@pytest.mark.heavy
@settings(max_examples=20_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schedule=schedules)
def test_every_entry_ends_where_it_belongs_in_thousands_of_schedules(schedule: Schedule) -> None:
    """The claim above, with the number of schedules that a release deserves."""
    done = run(schedule)

    check_promises(schedule, done)
    check_order(done, schedule.size)
    assert len(done.record.outcomes) == schedule.batches
