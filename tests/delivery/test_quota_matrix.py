"""Jobs of every size against platforms of every kind: no 429, and hardly longer than it must take."""

from __future__ import annotations

import random

import pytest
from support.quota_clients import CoreClient
from support.quota_servers import FixedWindows, Server, SlidingCounter, SlidingLog, TokenBuckets
from support.quota_world import World, usual_network

from pango_load.plan import PUBLISHED_WINDOWS

MODELS = ["fixed to the clock", "fixed to the first request", "sliding", "token buckets"]


def _server(name: str, chance: random.Random) -> Server:
    match name:
        case "fixed to the clock":
            return FixedWindows(PUBLISHED_WINDOWS, chance.uniform(0, 86400))
        case "fixed to the first request":
            return FixedWindows(PUBLISHED_WINDOWS, None)
        case "sliding":
            return SlidingLog(PUBLISHED_WINDOWS)
        case "token buckets":
            return TokenBuckets(PUBLISHED_WINDOWS)
        case _:
            return SlidingCounter(PUBLISHED_WINDOWS, chance.uniform(0, 86400))


def _play(model: str, requests: int, gap: float | None) -> tuple[int, float, float]:
    """(429s, seconds to the last acceptance, longest stall)."""
    chance = random.Random(requests)
    world = World(_server(model, chance), usual_network, chance)
    job = world.add(CoreClient(PUBLISHED_WINDOWS, chance, gap=gap, requests=requests), requests)
    world.run()
    assert job.answered == requests
    return job.limited, job.finished - 0.21, world.longest_stall


heavy = pytest.mark.heavy


@pytest.mark.parametrize(
    ("model", "requests", "burst", "even"),
    [
        pytest.param(model, requests, burst, even, id=f"{model}, {requests:,}", marks=marks)
        for requests, burst, even, marks in (
            (100, 1.90, 1.90, ()),
            (2_000, 89.5, 89.5, ()),
            (20_000, 1_182, 1_217, heavy),
            (400_000, 28_440, 29_000, heavy),
        )
        for model in MODELS
    ],
)
def test_no_429_and_no_longer_than_the_best_known(model: str, requests: int, burst: float, even: float) -> None:
    """Protects the account and the user's time: seconds no worse than the rows that quota.md recommends."""
    for gap, most in ((0.0, burst), (None, even)):
        limited, seconds, _ = _play(model, requests, gap)

        assert limited == 0
        assert seconds <= most


@pytest.mark.parametrize("requests", [20_000, pytest.param(400_000, marks=heavy)])
def test_a_long_load_at_an_even_pace_never_stalls_and_suits_even_the_unkindest_platform(requests: int) -> None:
    """Protects others on the account, and a person from a bar that stands still for ten minutes."""
    limited, _, stall = _play("two counters", requests, None)

    assert limited == 0
    assert stall < 1
