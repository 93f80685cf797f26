"""Permits as senders see them: in order, cancellable, told in words, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import TYPE_CHECKING, TypeVar

import pytest
from support.quota_servers import FixedWindows, SlidingLog, TokenBuckets
from support.virtual_time import VirtualClock, run_virtual

from pango_load.delivery.limiter import Limiter, PermitEnd, Wait
from pango_load.plan import PUBLISHED_WINDOWS, Pace, Window

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.quota_servers import Server

    from pango_load.delivery.quota_terms import Permit

T = TypeVar("T")


def _in_virtual_time(main: Callable[[VirtualClock], Awaitable[T]]) -> T:
    clock = VirtualClock(now=1_790_000_000.0, steady=5000.0)

    async def run() -> T:
        return await main(clock)

    return run_virtual(run(), clock)


async def _send_all(
    limiter: Limiter, clock: VirtualClock, server: Server, requests: int, *, senders: int = 32, seed: int = 1
) -> list[float]:
    """Send `requests` through the usual network; the arrival times of those that were taken."""
    chance, left, arrivals = random.Random(seed), requests, list[float]()

    async def sender() -> None:
        nonlocal left
        while left:
            left -= 1
            permit = await limiter.acquire()
            await clock.sleep(chance.uniform(0.02, 0.4))
            wait = server.arrive(clock.steady())
            if wait is None:
                arrivals.append(clock.steady())
            else:
                left += 1
            await clock.sleep(chance.uniform(0.02, 0.4))
            limiter.settle(permit, PermitEnd.ANSWERED if wait is None else PermitEnd.LIMITED, retry_after=wait)

    await asyncio.gather(*(sender() for _ in range(senders)))
    return arrivals


@pytest.mark.parametrize("pace", list(Pace))
@pytest.mark.parametrize(
    "platform",
    [
        pytest.param(lambda: FixedWindows(PUBLISHED_WINDOWS, 17.3), id="fixed to the clock"),
        pytest.param(lambda: FixedWindows(PUBLISHED_WINDOWS, None), id="fixed to the first request"),
        pytest.param(lambda: SlidingLog(PUBLISHED_WINDOWS), id="sliding"),
        pytest.param(lambda: TokenBuckets(PUBLISHED_WINDOWS), id="token buckets"),
    ],
)
def test_a_load_draws_no_429_whatever_the_platform_counts(platform: Callable[[], Server], pace: Pace) -> None:
    """Protects the account, with the limiter that senders really use."""

    async def load(clock: VirtualClock) -> tuple[int, int]:
        limiter = Limiter(PUBLISHED_WINDOWS, clock=clock, pace=pace, expected_requests=1500)
        arrivals = await _send_all(limiter, clock, platform(), 1500)
        return len(arrivals), limiter.limited

    assert _in_virtual_time(load) == (1500, 0)


def test_permits_are_given_in_the_order_in_which_they_were_asked_for() -> None:
    """Protects a batch that was there first from starving."""

    async def ask(clock: VirtualClock) -> list[int]:
        limiter, given = Limiter((Window(1, 3),), clock=clock), list[int]()

        async def one(number: int) -> None:
            permit = await limiter.acquire()
            given.append(number)
            limiter.settle(permit, PermitEnd.ANSWERED)

        tasks = []
        for number in range(20):
            tasks.append(asyncio.ensure_future(one(number)))
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        return given

    assert _in_virtual_time(ask) == list(range(20))


def test_who_is_cancelled_while_waiting_takes_nothing_and_holds_nobody_up() -> None:
    """Protects a stop, and the senders that go on."""

    async def cancel(clock: VirtualClock) -> tuple[int, float]:
        limiter = Limiter((Window(10, 5),), clock=clock)
        for _ in range(5):
            limiter.settle(await limiter.acquire(), PermitEnd.ANSWERED)
        waiting = [asyncio.ensure_future(limiter.acquire()) for _ in range(10)]
        await clock.sleep(1)
        for task in waiting[:7]:
            task.cancel()
        begin = clock.steady()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        return sum(isinstance(one, asyncio.CancelledError) for one in found), clock.steady() - begin

    cancelled, waited = _in_virtual_time(cancel)

    assert cancelled == 7
    assert waited == pytest.approx(9, abs=0.1)


def test_any_schedule_of_cancellations_leaves_every_permit_settled() -> None:
    """Protects against permits that leak away one by one until a load stands still."""

    async def storm(clock: VirtualClock) -> tuple[int, int]:
        chance = random.Random(7)
        limiter, server = (
            Limiter((Window(1, 8), Window(20, 40)), clock=clock),
            SlidingLog((Window(1, 8), Window(20, 40))),
        )

        async def one() -> None:
            await clock.sleep(chance.uniform(0, 300))
            permit = await limiter.acquire()
            end = PermitEnd.NEVER_SENT
            try:
                await clock.sleep(chance.uniform(0, 0.3))
                assert server.arrive(clock.steady()) is None
                end = PermitEnd.ANSWERED
                await clock.sleep(chance.uniform(0, 3))
            finally:
                limiter.settle(permit, end)

        tasks = [asyncio.ensure_future(one()) for _ in range(600)]
        for task in chance.sample(tasks, 200):
            clock_time = chance.uniform(0, 400)
            asyncio.get_running_loop().call_later(clock_time, task.cancel)
        found = await asyncio.gather(*tasks, return_exceptions=True)
        broken = [one for one in found if one is not None and not isinstance(one, asyncio.CancelledError)]
        assert broken == []
        return sum(one is None for one in found), len(limiter._out)

    done, out = _in_virtual_time(storm)

    assert done >= 400
    assert out == 0


def test_a_429_pauses_all_senders_once() -> None:
    """Protects the platform: after a 429 nobody sends until the time it asked for is over."""

    async def pause(clock: VirtualClock) -> tuple[float, int, Wait | None]:
        limiter = Limiter(PUBLISHED_WINDOWS, clock=clock, jitter=random.Random(1))
        permits = [await limiter.acquire() for _ in range(20)]
        for permit in permits:
            limiter.settle(permit, PermitEnd.LIMITED, retry_after=7)
        begin = clock.steady()
        tasks = [asyncio.ensure_future(limiter.acquire()) for _ in range(3)]
        await clock.sleep(1)
        said = limiter.waiting
        await asyncio.gather(*tasks)
        return clock.steady() - begin, limiter.limited, said

    waited, limited, said = _in_virtual_time(pause)

    assert 8 <= waited <= 8.5
    assert limited == 20
    assert said is not None
    assert (said.window, said.reason) == (None, "Pango asked to wait")
    assert said.until == pytest.approx(1_790_000_000 + 8.1, abs=0.2)


def test_a_wait_says_for_which_window_and_until_when() -> None:
    """Protects a person from a bar that stands still for no reason."""

    async def wait(clock: VirtualClock) -> tuple[Wait | None, Wait | None, dict[str, float]]:
        limiter = Limiter((Window(1, 50), Window(3600, 100)), clock=clock)
        for _ in range(100):
            limiter.settle(await limiter.acquire(), PermitEnd.ANSWERED)
        asked = limiter.next_possible()
        task = asyncio.ensure_future(limiter.acquire())
        await clock.sleep(5)
        said = limiter.waiting
        await task
        return asked, said, dict(limiter.waited)

    asked, said, waited = _in_virtual_time(wait)

    assert said is not None
    assert (said.window, said.reason) == (Window(3600, 100), "the 1 h window")
    assert said.until == pytest.approx(1_790_000_000 + 3600, abs=20)
    assert asked is not None
    assert asked.window == said.window
    assert asked.until == pytest.approx(said.until)
    assert waited["1 h"] == pytest.approx(3600, abs=20)
    assert waited["1 s"] == pytest.approx(1, abs=0.1)


def test_a_free_quota_says_that_nothing_is_waited_for() -> None:
    """Protects --max-duration from ending a load that could go on."""

    async def look(clock: VirtualClock) -> Wait | None:
        return Limiter(PUBLISHED_WINDOWS, clock=clock).next_possible()

    assert _in_virtual_time(look) is None


def test_a_request_that_never_left_costs_nothing() -> None:
    """Protects the quota of a load whose network is down."""

    async def fail(clock: VirtualClock) -> float:
        limiter, begin = Limiter((Window(86400, 10),), clock=clock), clock.steady()
        for _ in range(1000):
            limiter.settle(await limiter.acquire(), PermitEnd.NEVER_SENT)
        return clock.steady() - begin

    assert _in_virtual_time(fail) < 1


def test_a_permit_is_settled_once() -> None:
    """Protects the count when a sender says the same thing twice."""

    async def twice(clock: VirtualClock) -> int:
        limiter = Limiter((Window(10, 5),), clock=clock)
        permit = await limiter.acquire()
        for _ in range(3):
            limiter.settle(permit, PermitEnd.LIMITED, retry_after=1)
        return limiter.limited

    assert _in_virtual_time(twice) == 1


def test_without_windows_nobody_waits_until_the_platform_says_so() -> None:
    """Protects who switched the limiter off with PANGO_LIMITS=none."""

    async def off(clock: VirtualClock) -> tuple[float, float]:
        limiter, begin = Limiter((), clock=clock, expected_requests=5000), clock.steady()
        permits = deque([await limiter.acquire() for _ in range(5000)])
        free = clock.steady() - begin
        limiter.settle(permits.popleft(), PermitEnd.LIMITED, retry_after=3)
        await limiter.acquire()
        return free, clock.steady() - begin

    free, paused = _in_virtual_time(off)

    assert free < 0.01
    assert 4 <= paused <= 4.5


def test_a_machine_that_sleeps_wakes_to_a_quota_that_has_recovered_and_no_burst() -> None:
    """Protects a laptop's load: an hour asleep is an hour in which requests left the windows."""

    async def sleep(clock: VirtualClock) -> tuple[int, float]:
        windows = (Window(1, 50), Window(60, 100))
        limiter, server = Limiter(windows, clock=clock), SlidingLog(windows)
        first = asyncio.ensure_future(_send_all(limiter, clock, server, 350))
        await clock.sleep(20)
        clock.advance(3600)
        awake = clock.steady()
        arrivals = await first
        soon = next(at for at in arrivals if at > awake)
        return limiter.limited, soon - awake

    limited, soon = _in_virtual_time(sleep)

    assert limited == 0
    assert soon < 6


@pytest.mark.parametrize("moved", [-3600.0, 3600.0], ids=["an hour back", "an hour forward"])
def test_a_wall_clock_that_is_set_changes_nothing(moved: float) -> None:
    """Protects a load from the clock's owner: neither a burst nor a deadlock."""

    async def load(clock: VirtualClock) -> tuple[int, float]:
        windows = (Window(1, 20), Window(60, 100))
        limiter, server, begin = Limiter(windows, clock=clock), SlidingLog(windows), clock.steady()
        task = asyncio.ensure_future(_send_all(limiter, clock, server, 250))
        await clock.sleep(30)
        clock.set_wall(moved)
        await task
        return limiter.limited, clock.steady() - begin

    limited, seconds = _in_virtual_time(load)

    assert limited == 0
    assert seconds == pytest.approx(124, abs=4)


def test_a_slow_platform_is_used_as_fast_as_its_windows_allow() -> None:
    """Protects the user's time where every answer takes three seconds."""

    async def slow(clock: VirtualClock) -> tuple[int, float]:
        limiter, server = Limiter(PUBLISHED_WINDOWS, clock=clock), SlidingLog(PUBLISHED_WINDOWS)
        begin, left = clock.steady(), 1000

        async def sender() -> None:
            nonlocal left
            while left:
                left -= 1
                permit: Permit = await limiter.acquire()
                await clock.sleep(0.1)
                assert server.arrive(clock.steady()) is None
                await clock.sleep(3)
                limiter.settle(permit, PermitEnd.ANSWERED)

        await asyncio.gather(*(sender() for _ in range(200)))
        return limiter.limited, clock.steady() - begin

    limited, seconds = _in_virtual_time(slow)

    assert limited == 0
    assert seconds < 60, "62 s if a permit were charged until its answer"
