"""Random worlds: limits, networks, processes, cancellations, crashes, restarts, drawn from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from support.quota_clients import CoreClient, Shared
from support.quota_servers import FixedWindows, SlidingLog, TokenBuckets
from support.quota_world import Job, World, late_ones, slow_server, stalls, usual_network

from pango_load.delivery.quota_account import Account
from pango_load.delivery.quota_bytes import decode, encode
from pango_load.plan import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from support.quota_servers import Server
    from support.quota_world import Delays

    from pango_load.delivery.quota_terms import Terms

LONGEST_WAY = 8.0
"""Seconds that a request may be on its way in any of these networks."""


@dataclass(frozen=True, slots=True)
class Played:
    """What became of one world.

    Attributes:
        requests: how many the platform took.
        refused: by model of the platform, how many it refused or would have.
        lost: requests that were never answered although nobody was killed.
    """

    windows: tuple[Window, ...]
    requests: int
    refused: dict[str, int]
    lost: int


def play(seed: int, *, account_type: type[Account] = Account, spoil: Callable[[Terms], Terms] | None = None) -> Played:
    """Play the world of `seed`, with another account or other terms for those who want to see a mistake found."""
    chance = random.Random(seed)
    windows = _windows(chance)
    world = World(SlidingLog(windows), _network(chance), chance, now=chance.uniform(0, 1e6))
    world.unsent = chance.choice([0.0, 0.0, 0.1])
    begin = world.now
    shared = Shared(account_type())
    connections = chance.choice([1, 4, 32, 256])
    total = chance.randint(20, 300)
    processes = chance.choice([1, 1, 2, 4])
    for serial in range(processes):
        client = _client(windows, chance, shared, serial, spoil)
        world.add(client, total // processes, connections=connections, at=begin + chance.uniform(0, 2))
        if chance.random() < 0.5:
            later = begin + chance.uniform(0, 4 * windows[-1].seconds)
            world.add(client, chance.randint(5, 100), connections=connections, at=later)
    for number in range(chance.choice([0, 0, 1, 3])):
        when = begin + chance.uniform(0, 2 * windows[-1].seconds)
        world.at(when, partial(_crash, world, chance, shared, windows, 100 + number, spoil))
    world.run()
    refused = {"sliding log": world.refused}
    models: dict[str, Server] = {
        "fixed to the wall": FixedWindows(windows, chance.uniform(0, 1e5)),
        "fixed to the first request": FixedWindows(windows, None),
        "token buckets": TokenBuckets(windows),
    }
    for name, model in models.items():
        refused[name] = sum(model.arrive(at) is not None for at in world.accepted)
    lost = sum(job.left + job.flying for job in world.jobs if job.alive)
    return Played(windows, len(world.accepted), refused, lost)


def _windows(chance: random.Random) -> tuple[Window, ...]:
    seconds, limit = chance.choice([0.2, 0.5, 1.0, 2.0]), chance.randint(1, 40)
    windows = [Window(seconds, limit)]
    for _ in range(chance.randint(0, 3)):
        times = chance.uniform(2, 15)
        seconds, limit = seconds * times, max(limit, int(limit * times * chance.uniform(0.2, 0.95)))
        windows.append(Window(seconds, limit))
    return tuple(windows)


def _network(chance: random.Random) -> Callable[[random.Random, float], Delays]:
    def even(random: random.Random, now: float) -> Delays:
        return random.uniform(least, most), random.uniform(least, most)

    def heavy(random: random.Random, now: float) -> Delays:
        return tuple(min(LONGEST_WAY, least * random.paretovariate(0.9)) for _ in range(2))  # type: ignore[return-value]

    least = chance.uniform(0.001, 0.2)
    most = least + chance.uniform(0, 1.0)
    laws = [even, heavy, usual_network, late_ones, stalls(1.5, 30), stalls(5, 30), slow_server(1.5, 4)]
    return chance.choice(laws)


def _client(
    windows: Sequence[Window],
    chance: random.Random,
    shared: Shared,
    serial: int,
    spoil: Callable[[Terms], Terms] | None,
) -> CoreClient:
    gap = chance.choice([0.0, 0.0, windows[-1].seconds / windows[-1].limit])
    client = CoreClient(windows, chance, shared=shared, serial=serial, gap=gap, share=chance.choice([1.0, 1.0, 0.6]))
    if spoil is not None:
        client.terms = spoil(client.terms)
    return client


def _crash(
    world: World,
    chance: random.Random,
    shared: Shared,
    windows: Sequence[Window],
    serial: int,
    spoil: Callable[[Terms], Terms] | None,
) -> None:
    """Kill a process with everything it has under way, write and read the account, start another for the rest."""
    alive: list[Job] = [job for job in world.jobs if job.alive and job.left + job.flying]
    if not alive:
        return
    victim = chance.choice(alive).client
    assert isinstance(victim, CoreClient)
    unknown = sum(world.kill(job) for job in alive if job.client is victim)
    shared.account.last = world.now
    shared.account, _, _ = decode(encode(shared.account, wall=0.0, boot=1), type(shared.account))
    world.at(world.now + LONGEST_WAY, lambda: shared.account.bury(victim.owner, world.now))
    client = _client(windows, chance, shared, serial, spoil)
    world.add(client, unknown, connections=chance.choice([1, 32]), at=world.now + chance.uniform(0, 3))
