"""Plays jobs through platforms that hold their windows in every known way: time against the least, 429s, stalls.

    python benchmarks/simulate_quota.py                    # 100, 2,000 and 20,000 requests: two minutes
    python benchmarks/simulate_quota.py --requests 400000  # 20 million rows
    python benchmarks/simulate_quota.py --part adverse     # stalling networks, slow platforms
    python benchmarks/simulate_quota.py --part foreign     # somebody else spends the same account

pyrate-limiter and aiolimiter take part where they are installed; they run as they are,
on an event loop in virtual time.
"""

# ruff: noqa: E402 - the simulator lives beside the tests, which are no package
from __future__ import annotations

import argparse
import asyncio
import importlib.util
import itertools
import random
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parents[1])]

from support.quota_clients import BucketClient, CoreClient, Shared
from support.quota_servers import (
    FixedWindows,
    Server,
    SlidingCounter,
    SlidingLog,
    TokenBuckets,
    floor_header,
    header,
    optimum,
)
from support.quota_world import Client, Delays, World, late_ones, slow_server, stalls, usual_network
from support.virtual_time import VirtualClock, run_virtual

from pango_load.delivery.limiter import Limiter, PermitEnd
from pango_load.plan import PUBLISHED_WINDOWS as WINDOWS
from pango_load.plan import Pace

ONE_WAY = 0.21
CONNECTIONS = 256

Network = Callable[[random.Random, float], Delays]
Models = dict[str, Callable[[random.Random], Server]]

MODELS: Models = {
    "fixed to the clock": lambda chance: FixedWindows(WINDOWS, chance.uniform(0, 86400)),
    "fixed to the first request": lambda _: FixedWindows(WINDOWS, None),
    "sliding": lambda _: SlidingLog(WINDOWS),
    "token buckets": lambda _: TokenBuckets(WINDOWS),
    "two counters": lambda chance: SlidingCounter(WINDOWS, chance.uniform(0, 86400)),
}


@dataclass(frozen=True, slots=True)
class Ran:
    """One run: seconds to the last acceptance, 429s, the longest time without an acceptance."""

    seconds: float
    limited: int
    stall: float


# --- clients ----------------------------------------------------------------------------------------------------------


def _ours(gap: float | None, requests: int, chance: random.Random) -> Client:
    return CoreClient(WINDOWS, chance, gap=gap, requests=requests)


def _one_bucket(_requests: int, _chance: random.Random) -> Client:
    return BucketClient(TokenBuckets(WINDOWS[:1]))


def _five_buckets(_requests: int, _chance: random.Random) -> Client:
    return BucketClient(TokenBuckets(WINDOWS))


def _careful_buckets(_requests: int, _chance: random.Random) -> Client:
    return BucketClient(TokenBuckets(WINDOWS, size=0.1, rate=0.9))


CLIENTS: dict[str, Callable[[int, random.Random], Client]] = {
    "**pango-load**": partial(_ours, None),
    "**pango-load --burst**": partial(_ours, 0.0),
    "one token bucket (50, 50/s)": _one_bucket,
    "five token buckets": _five_buckets,
    "five token buckets of a tenth, at 90 %": _careful_buckets,
}


def play(
    make: Callable[[int, random.Random], Client], server: Server, requests: int, network: Network, seed: int
) -> Ran:
    """One client, alone with one platform."""
    chance = random.Random(seed)
    world = World(server, network, chance)
    job = world.add(make(requests, chance), requests, connections=CONNECTIONS)
    world.run()
    assert job.answered == requests, "a request was lost"
    return Ran(job.finished - ONE_WAY, job.limited, world.longest_stall)


# --- clients that are other people's code, or our own event loop ------------------------------------------------------

Acquire = Callable[[], Awaitable[object]]
Settle = Callable[[object, PermitEnd, float | None], None]


async def _drive(
    clock: VirtualClock, acquire: Acquire, settle: Settle, server: Server, requests: int, seed: int
) -> Ran:
    """Let 256 workers send through `acquire`; a 429's header is obeyed by all of them."""
    chance, left, paused = random.Random(seed), requests, 0.0
    accepted: list[float] = []
    begin, refused = clock.steady(), 0

    async def worker() -> None:
        nonlocal left, paused, refused
        while left:
            left -= 1
            while True:
                if clock.steady() < paused:
                    await asyncio.sleep(paused - clock.steady())
                permit = await acquire()
                if clock.steady() >= paused or settle is not _nothing:
                    break
            there, back = usual_network(chance, clock.steady())
            await asyncio.sleep(there)
            wait = server.arrive(clock.steady() - begin)
            if wait is None:
                accepted.append(clock.steady())
            await asyncio.sleep(back)
            if wait is None:
                settle(permit, PermitEnd.ANSWERED, None)
            else:
                refused += 1
                left += 1
                settle(permit, PermitEnd.LIMITED, header(wait))
                if settle is _nothing:
                    paused = max(paused, clock.steady() + header(wait))

    await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))
    while left:
        await worker()
    stall = max((after - before for before, after in itertools.pairwise(accepted)), default=0.0)
    return Ran(accepted[-1] - begin - ONE_WAY, refused, stall)


def _nothing(permit: object, end: PermitEnd, retry_after: float | None) -> None:
    """Libraries are not told how a request ended."""


def _play_limiter(server: Server, requests: int, seed: int) -> Ran:
    clock = VirtualClock(steady=0.0)

    async def main() -> Ran:
        limiter = Limiter(WINDOWS, clock=clock, pace=Pace.AUTO, expected_requests=requests, jitter=random.Random(seed))
        ends: Settle = lambda permit, end, asked: limiter.settle(permit, end, retry_after=asked)  # type: ignore[arg-type]  # noqa: E731 - a closure
        return await _drive(clock, limiter.acquire, ends, server, requests, seed)

    return run_virtual(main(), clock)


def _play_pyrate(server: Server, requests: int, seed: int) -> Ran:
    from pyrate_limiter import AbstractClock, InMemoryBucket, Rate  # type: ignore[import-not-found, unused-ignore]  # optional
    from pyrate_limiter import Limiter as Pyrate

    clock = VirtualClock(steady=0.0)

    class Virtual(AbstractClock):  # type: ignore[misc, unused-ignore]  # likewise
        def now(self) -> int:
            return int(clock.steady() * 1000)

    async def main() -> Ran:
        bucket = InMemoryBucket([Rate(window.limit, int(window.seconds * 1000)) for window in WINDOWS])
        bucket._clock = Virtual()  # noqa: SLF001 - its only way to another clock
        limiter = Pyrate(bucket)
        return await _drive(clock, limiter.try_acquire_async, _nothing, server, requests, seed)

    return run_virtual(main(), clock)


def _play_aiolimiter(server: Server, requests: int, seed: int) -> Ran:
    from aiolimiter import AsyncLimiter  # type: ignore[import-not-found, unused-ignore]  # optional

    clock = VirtualClock(steady=0.0)

    async def main() -> Ran:
        limiters = [AsyncLimiter(window.limit, window.seconds) for window in reversed(WINDOWS)]

        async def acquire() -> None:
            for limiter in limiters:
                await limiter.acquire()

        return await _drive(clock, acquire, _nothing, server, requests, seed)

    return run_virtual(main(), clock)


LOOPED: dict[str, tuple[str, Callable[[Server, int, int], Ran]]] = {
    "pango-load, the whole `Limiter`": ("asyncio", _play_limiter),
    "pyrate-limiter (its own code)": ("pyrate_limiter", _play_pyrate),
    "aiolimiter, five in a row (its own code)": ("aiolimiter", _play_aiolimiter),
}


# --- tables -----------------------------------------------------------------------------------------------------------


def _row(title: str, cells: list[str]) -> None:
    print(f"| {title} | " + " | ".join(cells) + " |", flush=True)


def _heads(first: str, titles: list[str]) -> None:
    _row(first, titles)
    print("|" + "---|" * (len(titles) + 1))


def _cell(runs: list[Ran], best: float) -> str:
    mean = sum(run.seconds for run in runs) / len(runs) / best
    limited = sum(run.limited for run in runs) / len(runs)
    return f"{mean:.2f} / {limited:,.0f} / {max(run.stall for run in runs):,.0f} s"


def models_table(sizes: list[int], seeds: int, *, looped_up_to: int) -> None:
    """Time against the optimum / 429s / longest stall, for every client and platform."""
    for requests in sizes:
        bests = {
            name: sum(optimum(make(random.Random(seed)), requests) for seed in range(seeds)) / seeds
            for name, make in MODELS.items()
        }
        print(f"\n{requests:,} requests (time / least possible time, 429s, longest stall)\n")
        _heads("client", [f"{name} ({bests[name]:,.1f} s)" for name in MODELS])
        for title, client in CLIENTS.items():
            cells = []
            for name, make in MODELS.items():
                runs = [play(client, make(random.Random(seed)), requests, usual_network, seed) for seed in range(seeds)]
                cells.append(_cell(runs, max(bests[name], 1e-9)))
            _row(title, cells)
        for title, (module, run) in LOOPED.items():
            if requests > looped_up_to or importlib.util.find_spec(module) is None:
                continue
            few = range(min(seeds, 2))
            _row(
                title,
                [
                    _cell([run(make(random.Random(seed)), requests, seed) for seed in few], max(bests[name], 1e-9))
                    for name, make in MODELS.items()
                ],
            )


def adverse_table(seeds: int) -> None:
    """Seconds / 429s, where the network or the platform behaves badly."""
    conditions: list[tuple[str, int, Network]] = [
        ("the network holds everything for 1.5 s every 30 s", 20000, stalls(1.5, 30)),
        ("the network holds everything for 5 s every 30 s", 20000, stalls(5, 30)),
        ("2 % of the requests 0.5 to 5 s late", 20000, late_ones),
        ("answers after 1.5 to 2.5 s", 1000, slow_server(1.5, 2.5)),
        ("answers after 1.5 to 2.5 s", 20000, slow_server(1.5, 2.5)),
        ("answers after 6 to 10 s", 20000, slow_server(6, 10)),
    ]
    names = list(MODELS)[:4]
    print("\nseconds / 429s\n")
    _heads("condition", ["client", *names])
    for title, requests, network in conditions:
        for who in list(CLIENTS)[:2]:
            cells = []
            for name in names:
                runs = [
                    play(CLIENTS[who], MODELS[name](random.Random(seed)), requests, network, seed)
                    for seed in range(seeds)
                ]
                mean = sum(run.seconds for run in runs) / len(runs)
                cells.append(f"{mean:,.0f} s / {sum(run.limited for run in runs)}")
            _row(f"{title}, {requests:,} requests", [who, *cells])


def foreign_table(seeds: int, requests: int = 10_000) -> None:
    """Our time against a fair share / our 429s / the other's, where somebody else spends the account."""
    scenes = {"steady 6/s": _steady, "500 at 50/s every 2 min": _bursts, "a second pango-load elsewhere": _twin}
    names = list(MODELS)[:4]
    print(f"\n{requests:,} requests of ours: seconds / our 429s / the other's 429s\n")
    _heads("the other", ["header", *names])
    for title, scene in scenes.items():
        for written, write in (("rounded up", header), ("rounded down", floor_header), ("absent", None)):
            cells = []
            for name in names:
                found = [scene(MODELS[name](random.Random(seed)), requests, write, seed) for seed in range(seeds)]
                mean = [sum(column) / len(found) for column in zip(*found, strict=True)]
                cells.append(f"{mean[0]:,.0f} s / {mean[1]:,.0f} / {mean[2]:,.0f}")
            _row(title, [written, *cells])


Scene = tuple[float, float, float]


def _world(server: Server, write: Callable[[float], float] | None, seed: int) -> World:
    return World(server, usual_network, random.Random(seed), write_header=write)


def _with_others(world: World, requests: int, times: Callable[[int], float]) -> Scene:
    refused = 0
    job = world.add(_ours(None, requests, world.random), requests, connections=CONNECTIONS)

    def other(number: int) -> None:
        nonlocal refused
        refused += not world.foreign(world.now)
        if job.answered < requests:
            world.at(times(number + 1), partial(other, number + 1))

    world.at(0.0, partial(other, 0))
    world.run()
    return job.finished, job.limited, refused


def _steady(server: Server, requests: int, write: Callable[[float], float] | None, seed: int) -> Scene:
    return _with_others(_world(server, write, seed), requests, lambda number: number / 6)


def _bursts(server: Server, requests: int, write: Callable[[float], float] | None, seed: int) -> Scene:
    return _with_others(_world(server, write, seed), requests, lambda number: number // 500 * 120 + number % 500 / 50)


def _twin(server: Server, requests: int, write: Callable[[float], float] | None, seed: int) -> Scene:
    world = _world(server, write, seed)
    jobs = [
        world.add(
            CoreClient(WINDOWS, world.random, shared=Shared(), serial=serial, gap=None, requests=requests), requests
        )
        for serial in range(2)
    ]
    world.run()
    return max(job.finished for job in jobs), jobs[0].limited, jobs[1].limited


def main() -> None:
    """Read the words of the command line."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    asked.add_argument("--part", choices=["models", "adverse", "foreign"], default="models")
    asked.add_argument("--requests", type=int, nargs="+", default=[100, 2000, 20000])
    asked.add_argument("--seeds", type=int, default=2)
    asked.add_argument("--libraries-up-to", type=int, default=20000, help="a larger job takes them minutes")
    words = asked.parse_args()
    began = time.perf_counter()
    match words.part:
        case "models":
            models_table(words.requests, words.seeds, looped_up_to=words.libraries_up_to)
        case "adverse":
            adverse_table(words.seeds)
        case _:
            foreign_table(words.seeds)
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
