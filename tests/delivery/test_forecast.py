"""How long a load will take, said before it begins and while it runs."""

from __future__ import annotations

import asyncio
import random
import time

import pytest
from support.quota_clients import CoreClient
from support.quota_servers import SlidingLog
from support.quota_world import World, usual_network
from support.virtual_time import VirtualClock, run_virtual

from pango_load.delivery.forecast import Forecast, Level, TimeLeft, best_gap, forecast
from pango_load.delivery.limiter import Limiter, PermitEnd
from pango_load.plan import PUBLISHED_WINDOWS, Pace, Window

FREE = [Level(window=window, limit=window.limit) for window in PUBLISHED_WINDOWS]


@pytest.mark.parametrize(
    ("requests", "seconds", "window"),
    [
        pytest.param(10, 0.4, None, id="a small job waits for nothing"),
        pytest.param(100, 1.8, "1 s", id="100"),
        pytest.param(2_000, 89, "1 min", id="2,000"),
        pytest.param(20_000, 1_180, "1 min", id="20,000"),
        pytest.param(400_000, 28_300, "1 h", id="20 million rows: 7 h 50 min"),
        pytest.param(400_001, 86_800, "24 h", id="one request more than the day takes"),
        pytest.param(500_000, 93_000, "24 h", id="25 million rows"),
        pytest.param(4_000_000, 810_000, "24 h", id="ten days"),
    ],
)
def test_a_forecast_names_the_time_and_the_window_that_binds(requests: int, seconds: float, window: str | None) -> None:
    """Protects a person who has to say when a migration will be done."""
    found = forecast(FREE, requests, now=1_790_000_000.0)

    assert found.seconds == pytest.approx(seconds, rel=0.015)
    assert found.until == 1_790_000_000 + found.seconds
    assert (found.window.label if found.window else None) == window


def test_what_is_used_already_is_part_of_the_forecast() -> None:
    """Protects the second load of a day from a promise made for the first."""
    hour, day = PUBLISHED_WINDOWS[3:]
    used = [
        *FREE[:3],
        Level(window=hour, limit=hour.limit, slices=((1800.0, 20_000),)),
        Level(window=day, limit=day.limit, slices=((50_000.0, 390_000),)),
    ]

    found = forecast(used, 20_000)

    assert found.seconds == pytest.approx(50_000 + 560, rel=0.01)
    assert found.window == day


def test_a_pause_that_the_platform_asked_for_comes_first() -> None:
    """Protects the bar after a 429."""
    assert forecast(FREE, 10, starts_in=700.0).seconds == pytest.approx(700.4)


def test_no_requests_take_no_time() -> None:
    """Protects a resume that has nothing left to send."""
    assert forecast(FREE, 0) == Forecast(requests=0, seconds=0.0, until=0.0, window=None, gap=0.0)


@pytest.mark.parametrize(
    ("requests", "gap"), [(100, 0.0), (2_000, 0.0), (10_000, 0.0), (20_000, 0.0607), (400_000, 0.0723)]
)
def test_an_even_pace_is_chosen_where_it_costs_at_most_five_percent(requests: int, gap: float) -> None:
    """Protects others on the account and a person's nerves: no stall of half a minute for a long load."""
    assert best_gap(FREE, requests) == pytest.approx(gap, abs=0.0001)


@pytest.mark.parametrize("pace", [Pace.BURST, Pace.AUTO])
@pytest.mark.parametrize("requests", [100, 1000, 3000, 20000])
def test_a_forecast_comes_true(requests: int, pace: Pace) -> None:
    """Protects the time that is shown before sending: the limiter does what the forecast says, within 3 %."""
    chance = random.Random(requests)
    world = World(SlidingLog(PUBLISHED_WINDOWS), usual_network, chance)
    client = CoreClient(PUBLISHED_WINDOWS, chance, gap=None if pace is Pace.AUTO else 0.0, requests=requests)
    job = world.add(client, requests, connections=64)

    said = forecast(FREE, requests, gap=client.terms.gap)
    world.run()

    assert job.finished + 0.2 == pytest.approx(said.seconds, rel=0.03, abs=1.2)


def test_the_limiter_forecasts_from_what_is_left() -> None:
    """Protects a load that begins while another one's requests still count."""

    async def run(clock: VirtualClock) -> tuple[Forecast, Forecast, float]:
        limiter = Limiter(PUBLISHED_WINDOWS, clock=clock, pace=Pace.BURST)
        fresh = limiter.forecast(900)
        begin = clock.steady()
        for _ in range(900):
            limiter.settle(await limiter.acquire(), PermitEnd.ANSWERED)
        later = limiter.forecast(900)
        return fresh, later, clock.steady() - begin

    clock = VirtualClock()
    fresh, later, took = run_virtual(run(clock), clock)

    assert fresh.seconds == pytest.approx(25, abs=2)
    assert later.seconds > 60 - took
    assert later.until == pytest.approx(clock.now() + later.seconds, abs=0.01)


@pytest.mark.parametrize(("calls", "seconds"), [(0, 40.0), (1, 80.0)], ids=["a ready token", "a call for the token"])
def test_the_call_for_a_token_counts_where_the_windows_are_small(calls: int, seconds: float) -> None:
    """Protects whoever has few requests left from an end that is a whole window too early."""

    async def run(clock: VirtualClock) -> tuple[Forecast, float]:
        limiter = Limiter((Window(40, 1),), clock=clock, pace=Pace.BURST)
        said, begin = limiter.forecast(2, answer=0.0, calls=calls), clock.steady()
        for _ in range(2 + calls):
            limiter.settle(await limiter.acquire(), PermitEnd.ANSWERED)
        return said, clock.steady() - begin

    clock = VirtualClock()
    said, took = run_virtual(run(clock), clock)

    assert said.requests == 2
    assert said.seconds == pytest.approx(seconds, rel=0.02)
    assert took == pytest.approx(said.seconds, rel=0.02)


def test_senders_that_are_slower_than_the_quota_decide() -> None:
    """Protects the time left where the platform answers slowly."""
    assert forecast(FREE, 1000, gap=1 / 5).seconds == pytest.approx(200, rel=0.02)


@pytest.mark.parametrize("answer", [0.2, 6.0], ids=["a quick platform", "a slow platform"])
def test_the_time_left_is_right_within_a_few_percent_all_the_way(answer: float) -> None:
    """Protects a person who goes home by the bar: the quota decides on a quick platform, the senders on a slow one."""
    requests, senders = 8_000, 32

    async def load(clock: VirtualClock) -> list[tuple[float, float]]:
        limiter = Limiter(PUBLISHED_WINDOWS, clock=clock, expected_requests=requests)
        shown = TimeLeft(limiter, clock=clock)
        said, left, done = list[tuple[float, float]](), requests, 0

        async def sender() -> None:
            nonlocal left, done
            while left:
                left -= 1
                permit = await limiter.acquire()
                await clock.sleep(answer * chance.uniform(0.5, 1.5))
                limiter.settle(permit, PermitEnd.ANSWERED)
                done += 1
                if done % 400 == 0:
                    said.append((clock.steady(), clock.steady() + shown.seconds(requests - done)))

        chance = random.Random(3)
        await asyncio.gather(*(sender() for _ in range(senders)))
        ended = clock.steady()
        return [((end - at) / (ended - at), at) for at, end in said if ended - at > 60]

    clock = VirtualClock()
    ratios = run_virtual(load(clock), clock)

    assert len(ratios) > 10
    assert all(0.95 < ratio < 1.05 for ratio, _ in ratios[3:]), ratios


def test_a_forecast_for_twenty_million_rows_is_quick() -> None:
    """Protects the start of a load, and the bar, from a forecast that takes longer than it is worth."""
    begin = time.process_time()

    forecast(FREE, 400_000, gap=0.0723)

    assert time.process_time() - begin < 2


@pytest.mark.parametrize("limit", [1, 7, 37, 999])
def test_odd_windows_are_forecast_too(limit: int) -> None:
    """Protects organisations with limits of their own."""
    windows = (Window(1, limit), Window(7, limit * 5 + 1), Window(60, limit * 31))
    levels = [Level(window=window, limit=window.limit) for window in windows]

    found = forecast(levels, limit * 100)

    assert found.seconds == pytest.approx(60 * 3 + 1.4 * (limit * 100 - limit * 93) / limit, rel=0.25)
