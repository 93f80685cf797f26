"""How a load begins, waits and ends, in virtual time: nobody sleeps here."""

from __future__ import annotations

import asyncio
import random
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from support.delivery_record import ACCEPTED, DOUBT, HELD, OPEN, SENT, StrictRecord, make_batches
from support.delivery_world import World, stream
from support.virtual_time import VirtualClock, run_virtual

from pango_load.delivery.answer import Answer, NoAnswer, Reply, Trouble
from pango_load.delivery.feed import feed
from pango_load.delivery.limiter import Limiter
from pango_load.delivery.listener import Silent, Wait
from pango_load.delivery.sender import deliver
from pango_load.delivery.stop import StopRequest
from pango_load.errors import Interrupted, LoadStopped, MustBeMended, TemporaryStop, exit_code_of
from pango_load.plan import DeliveryOptions, OnUnknown, Window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from pango_load.records import Batch

OK = Answer(status=200, body=b'{"success": true}')
DOWN = Answer(status=500, body=b"down")


@dataclass(slots=True)
class Scripted(World):
    """A world that answers as `decide` says: (reply, seconds it takes)."""

    decide: Callable[[float, list[int]], tuple[Reply, float]] | None = None
    left: list[tuple[float, int]] = field(default_factory=list)

    async def _receive(self, positions: list[int], entries: Sequence[bytes], token: str) -> Reply:
        assert self.decide is not None
        self.left.append((self.clock.steady(), positions[0]))
        reply, takes = self.decide(self.clock.steady(), positions)
        await asyncio.sleep(takes)
        if reply is OK:
            self._apply(positions)
        return reply


@dataclass(slots=True)
class Ears(Silent):
    waits: list[tuple[Wait, float | None]] = field(default_factory=list)
    rows: int = 0

    def waiting(self, reason: Wait, seconds: float | None) -> None:
        self.waits.append((reason, seconds))

    def accepted(self, batch: int, rows: int) -> None:
        self.rows += rows


@dataclass(slots=True, kw_only=True)
class Story:
    """One load and all that can be asked of it afterwards."""

    batches: list[Batch]
    decide: Callable[[float, list[int]], tuple[Reply, float]]
    options: DeliveryOptions = field(default_factory=lambda: DeliveryOptions(senders=4, windows=()))
    windows: tuple[Window, ...] = ()
    stop_at: float | None = None
    doubt: float | None = None
    fail_at: int | None = None
    things: Sequence[Batch] | None = None
    clock: VirtualClock = field(default_factory=VirtualClock)
    ears: Ears = field(default_factory=Ears)

    def __post_init__(self) -> None:
        self.began = self.clock.steady()
        self.record = StrictRecord(self.batches, fail_at=self.fail_at)
        self.world = Scripted(clock=self.clock, dice=random.Random(3), read_timeout=60, moods={}, decide=self._decide)

    began: float = field(init=False)
    record: StrictRecord = field(init=False)
    world: Scripted = field(init=False)

    def _decide(self, now: float, positions: list[int]) -> tuple[Reply, float]:
        return self.decide(now - self.began, positions)

    def run(self) -> BaseException | None:
        """What the load ended with."""

        async def main() -> None:
            stop = StopRequest()
            if self.stop_at is not None:
                asyncio.get_running_loop().call_later(self.stop_at, stop.ask, 15)
            await deliver(
                stream(self.batches),
                client=self.world,
                limiter=Limiter(self.windows, clock=self.clock),
                recorder=self.record,
                options=self.options,
                clock=self.clock,
                stop=stop,
                listener=self.ears,
                dice=random.Random(3),
                doubt_until=None if self.doubt is None else self.clock.now() + self.doubt,
            )

        try:
            run_virtual(main(), self.clock)
        except (LoadStopped, OSError) as error:
            return error
        return None

    @property
    def lasted(self) -> float:
        return self.clock.steady() - self.began

    def left_at(self, position: int) -> list[float]:
        """When requests that begin with this entry left."""
        return [moment - self.began for moment, first in self.world.left if first == position]


def always(reply: Reply, takes: float = 0.1) -> Callable[[float, list[int]], tuple[Reply, float]]:
    return lambda _now, _positions: (reply, takes)


def test_the_first_batch_goes_alone_and_the_others_side_by_side() -> None:
    """Protects the platform from a thousand wrong requests: one canary, then all senders."""
    story = Story(batches=make_batches(9), decide=always(OK, 1.0))

    assert story.run() is None

    first, *others = sorted(moment for moment, _ in story.world.left)
    assert min(others) >= first + 1.0
    assert story.world.most_at_once == 4
    assert story.ears.rows == 36


def test_a_service_that_is_down_is_probed_by_one_request_at_a_time() -> None:
    """Protects attempts: 32 senders do not burn theirs while nothing works."""
    story = Story(
        batches=make_batches(300),
        decide=lambda now, _positions: (DOWN if 2 <= now < 602 else OK, 0.5),
        options=DeliveryOptions(senders=32, windows=()),
    )

    assert story.run() is None

    during = [moment for moment, _ in story.world.left if 5 <= moment - story.began < 602]
    assert 5 <= len(during) <= 20
    assert story.record.positions(ACCEPTED) == set(range(1200))
    assert any(reason is Wait.SERVICE for reason, _ in story.ears.waits)


def test_a_service_that_stays_down_is_given_up_after_half_an_hour() -> None:
    """Protects a cron job from hanging for ever: exit 5, and everything is still to be sent."""
    story = Story(batches=make_batches(3), decide=lambda _now, positions: (OK if positions[0] == 0 else DOWN, 0.5))

    error = story.run()

    assert isinstance(error, TemporaryStop)
    assert error.message == "Nothing has worked at pango.test for 30 min (last: HTTP 500)."
    assert 1800 <= story.lasted <= 1900
    assert story.record.positions(DOUBT) == set(range(4, 12))


def test_a_newer_value_waits_until_an_older_one_cannot_land_any_more() -> None:
    """Protects the newest value of a record: twice the read time-out after an unknown answer."""
    late = NoAnswer(trouble=Trouble.TIMEOUT)
    story = Story(
        batches=make_batches(3, after={2: (1,)}),
        decide=lambda now, positions: (late, 60.0) if positions[0] == 4 and now < 2 else (OK, 0.1),
    )

    assert story.run() is None

    lost, _ = story.left_at(4)
    assert story.left_at(8)[0] >= lost + 60 + 2 * 60


def test_a_newer_value_waits_for_what_an_earlier_run_does_not_know() -> None:
    """Protects the newest value across a crash: the older request may still be on its way."""
    story = Story(batches=make_batches(2, after={1: (0,)}), decide=always(OK), doubt=75.0)

    assert story.run() is None

    assert story.left_at(0)[0] < 1
    assert 75 <= story.left_at(4)[0] < 80


def test_a_batch_that_waits_lets_others_pass() -> None:
    """Protects speed: one record that comes twice does not hold the file."""
    story = Story(
        batches=make_batches(8, after={2: (1,)}),
        decide=lambda _now, positions: (OK, 10.0 if positions[0] == 4 else 0.1),
    )

    assert story.run() is None

    assert story.left_at(8)[0] > 10
    assert max(story.left_at(position)[0] for position in (12, 16, 20, 24, 28)) < 5


def test_what_an_earlier_run_settled_is_not_sent_again() -> None:
    """Protects against duplicates: a batch that was being taken apart goes on where it stopped."""
    story = Story(batches=make_batches(3, done={0: (1, 2), 1: (4, 5, 6, 7)}), decide=always(OK))

    assert story.run() is None

    assert sorted(at for _, at in story.world.applied) == [0, 3, 8, 9, 10, 11]
    assert story.record.outcomes[1].attempts == 0


def test_a_stop_finishes_what_is_under_way_and_begins_nothing() -> None:
    """Protects whoever presses Ctrl-C: answers on their way are waited for and recorded."""
    story = Story(batches=make_batches(40), decide=always(OK, 2.0), stop_at=5.0)

    error = story.run()

    assert isinstance(error, Interrupted)
    assert exit_code_of(error) == 143
    assert not [moment for moment, _ in story.world.left if moment - story.began > 5.0]
    assert not story.record.positions(SENT, DOUBT)
    assert story.lasted < 8


def test_a_stop_while_everybody_waits_is_immediate() -> None:
    """Protects whoever presses Ctrl-C during an hour's wait for quota."""
    story = Story(batches=make_batches(40), decide=always(OK), windows=(Window(3600, 10),), stop_at=100.0)

    assert isinstance(story.run(), Interrupted)
    assert story.lasted < 101


def test_an_answer_that_does_not_come_within_the_drain_is_recorded_as_missing() -> None:
    """Protects the totals: what is given up is unknown, not unsent."""
    story = Story(
        batches=make_batches(3),
        decide=lambda _now, positions: (OK, 1.0 if positions[0] == 0 else 50.0),
        options=DeliveryOptions(senders=4, windows=(), drain=30.0),
        stop_at=5.0,
    )

    assert isinstance(story.run(), Interrupted)
    assert 35 <= story.lasted <= 36
    assert story.record.positions(DOUBT) == set(range(4, 12))


def test_a_wait_past_max_duration_ends_the_load_at_once_and_says_when_it_can_go_on() -> None:
    """Protects a cron job with a time slot: it does not sit out a wait that it cannot finish."""
    story = Story(
        batches=make_batches(30),
        decide=always(OK),
        windows=(Window(3600, 10),),
        options=DeliveryOptions(senders=2, windows=(), max_duration=600.0),
    )

    error = story.run()

    assert isinstance(error, TemporaryStop)
    assert error.message.startswith("--max-duration is over (the 1 h window). It can go on at 2026-")
    assert story.lasted < 5


def test_max_duration_ends_a_load_that_is_still_at_work() -> None:
    """Protects the time slot itself."""
    story = Story(
        batches=make_batches(500),
        decide=always(OK, 1.0),
        options=DeliveryOptions(senders=2, windows=(), max_duration=20.0),
    )

    error = story.run()

    assert isinstance(error, TemporaryStop)
    assert story.lasted <= 22
    assert not story.record.positions(SENT, DOUBT)


@pytest.mark.parametrize("fail_at", range(12))
def test_what_cannot_be_recorded_is_not_sent(fail_at: int) -> None:
    """Protects against a full disk: no request leaves without its intention on disk."""
    story = Story(batches=make_batches(6), decide=always(OK), fail_at=fail_at)

    error = story.run()

    assert isinstance(error, OSError)
    intentions = [number for name, number in story.record.log if name == "sending"]
    assert len(story.world.left) <= len(intentions)


def test_a_sender_goes_on_while_its_outcome_is_written_but_its_next_request_waits_for_it() -> None:
    """Protects the promise at half the price: what left is known, and a slow disk is waited for once a batch."""
    story = Story(batches=make_batches(10), decide=always(OK), options=DeliveryOptions(senders=1, windows=()))
    story.record.pause = 1.0

    assert story.run() is None

    assert story.record.log == [(step, batch) for batch in range(10) for step in ("sending", "settled")]
    assert story.record.positions(ACCEPTED) == set(range(40))
    assert 11 <= story.lasted < 15


def test_nothing_counts_as_accepted_before_that_is_on_the_disk() -> None:
    """Protects whoever reads the progress: a crash takes back nothing that it showed."""
    story = Story(batches=make_batches(10), decide=always(OK))
    story.record.pause = 1.0
    seen: list[tuple[int, int]] = []
    listen = story.ears.accepted

    def accepted(batch: int, rows: int) -> None:
        listen(batch, rows)
        seen.append((story.ears.rows, len(story.record.positions(ACCEPTED))))

    story.ears.accepted = accepted  # type: ignore[method-assign] # one listener, that looks at the record as well
    assert story.run() is None

    assert len(seen) == 10
    assert all(told <= kept for told, kept in seen)


@pytest.mark.parametrize("fail_at", [1, 11], ids=["the-first", "the-last"])
def test_an_outcome_that_cannot_be_written_ends_the_load(fail_at: int) -> None:
    """Protects the last batches as well: nobody waited for their outcomes one by one."""
    story = Story(batches=make_batches(6), decide=always(OK), options=DeliveryOptions(senders=1, windows=()))
    story.record.fail_at = fail_at

    assert isinstance(story.run(), OSError)

    assert len(story.world.left) == (fail_at + 1) // 2


def test_many_unreadable_successes_in_a_row_stop_the_load() -> None:
    """Protects against a login page in Pango's place: its 200s are no acceptance, whoever repeats them."""
    odd = Answer(status=200, body=b"<html>Please log in</html>")
    story = Story(batches=make_batches(3), decide=always(odd))

    error = story.run()

    assert isinstance(error, MustBeMended)
    assert error.message == 'pango.test answers HTTP 200, and no JSON: "Please log in".'
    assert len(story.world.left) == 3


def test_under_hold_a_service_that_is_down_costs_few_unknown_batches() -> None:
    """Protects rows from becoming unknown by the thousand while the service is down."""
    story = Story(
        batches=make_batches(2000),
        decide=lambda now, _positions: (OK if now < 3 else DOWN, 0.5),
        options=DeliveryOptions(senders=8, windows=(), on_unknown=OnUnknown.HOLD),
    )

    error = story.run()

    assert isinstance(error, TemporaryStop)
    assert len(story.record.positions(HELD)) <= 4 * 60
    assert len(story.record.positions(OPEN)) > 7000


def test_a_long_wait_for_quota_is_no_outage() -> None:
    """Protects a large load: waiting two hours for a window is not half an hour without success."""
    failures = [DOWN, DOWN]

    def decide(_now: float, positions: list[int]) -> tuple[Reply, float]:
        return (failures.pop(), 0.1) if positions[0] == 4 and failures else (OK, 0.1)

    # One permit for the token, one for the first batch, one for the first failure: the second is two hours later.
    story = Story(
        batches=make_batches(2),
        decide=decide,
        windows=(Window(7200, 3),),
        options=DeliveryOptions(senders=1, windows=()),
    )

    assert story.run() is None
    assert story.lasted > 7200
    assert story.record.positions(ACCEPTED) == set(range(8))


def test_a_stop_does_not_wait_for_a_pause_that_would_follow() -> None:
    """Protects whoever presses Ctrl-C while the service is down: the answer is recorded, no retry waited for."""
    story = Story(
        batches=make_batches(8),
        decide=lambda _now, positions: (OK, 0.5) if positions[0] == 0 else (DOWN, 5.0),
        stop_at=8.0,
    )

    assert isinstance(story.run(), Interrupted)
    last = max(moment for moment, _ in story.world.left) - story.began
    assert 3 < last < 8
    assert story.lasted < last + 5.01
    assert not story.record.positions(SENT)


# --- batches from a thread --------------------------------------------------------------------------------------------


def test_batches_of_a_plain_iterator_come_from_a_thread_in_order() -> None:
    """Protects the event loop: rows are made into batches beside it."""
    threads = set()

    def things() -> Iterator[int]:
        for number in range(500):
            threads.add(threading.current_thread())
            yield number

    async def main() -> list[int]:
        return [thing async for thing in feed(things(), ahead=7)]

    assert asyncio.run(main()) == list(range(500))
    assert threading.main_thread() not in threads


def test_what_the_iterator_raises_is_raised_after_everything_before_it() -> None:
    """Protects what was read before a source turned out to be damaged."""
    seen = []

    def things() -> Iterator[int]:
        yield from range(10)
        raise MustBeMended("The file changed.")

    async def main() -> None:
        async for thing in feed(things(), ahead=4):
            seen.append(thing)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(MustBeMended):
        asyncio.run(main())
    assert seen == list(range(10))


def test_an_iterator_that_is_left_is_closed_and_never_runs_far_ahead() -> None:
    """Protects memory and open files when a load is stopped."""
    made: list[int] = []
    closed = []

    def things() -> Iterator[int]:
        try:
            for number in range(10_000):
                made.append(number)
                yield number
        finally:
            closed.append(True)

    async def main() -> None:
        source: AsyncIterator[int] = feed(things(), ahead=4)
        async for thing in source:
            if thing == 5:
                break
        await source.aclose()  # type: ignore[attr-defined]

    asyncio.run(main())

    assert closed == [True]
    assert len(made) <= 16
