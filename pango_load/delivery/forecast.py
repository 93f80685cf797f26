"""How long so many requests will take at the least, given what is left of every window, and which window decides it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Protocol

from pango_load.delivery.quota_ring import Ring, even_gap
from pango_load.delivery.quota_terms import USUAL_ANSWER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pango_load.clock import Clock
    from pango_load.plan import Window

LONGER_FOR_PACE = 1.05
"""An even pace may cost this much of the earliest end (quota.md: the 5 % rule)."""


BINDS = 0.05

REFRESH = 5.0
"""Seconds between two forecasts of a running load."""

MEMORY = 600.0
"""Seconds of which the senders' speed is taken."""

ENOUGH = 20
"""Requests from which a speed is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How full a window is now.

    Attributes:
        window: the window.
        limit: what this load may use of it.
        held: requests under way.
        slices: (seconds from now until they leave the window, how many), soonest first.
    """

    window: Window
    limit: int
    held: int = 0
    slices: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When a number of requests will be answered at the earliest.

    Attributes:
        requests: how many.
        seconds: from now to the last answer.
        until: the same as seconds since 1970.
        window: the longest window that is waited for, for 5 % of the time or more; None where none is.
        gap: seconds between two requests, 0 where they go as early as allowed.
    """

    requests: int
    seconds: float
    until: float
    window: Window | None
    gap: float


@dataclass(slots=True)
class _Tally:
    """One window while the future is played through."""

    window: Window
    limit: int
    hold: float
    total: int
    queue: deque[tuple[float, int]] = field(default_factory=deque)
    waited: float = 0.0


def forecast(
    levels: Sequence[Level],
    requests: int,
    *,
    now: float = 0.0,
    gap: float = 0.0,
    answer: float = USUAL_ANSWER,
    starts_in: float = 0.0,
) -> Forecast:
    """Play `requests` through the windows as the limiter will.

    Args:
        levels: what is used of each window.
        requests: how many are still to be sent.
        now: seconds since 1970, to which the answer's `until` is added.
        gap: seconds between two requests, on average (a pace, or what the senders manage).
        answer: seconds that an answer takes.
        starts_in: seconds that the platform asked to wait.
    """
    tallies = [_tally(level, answer) for level in levels]
    at, left = starts_in, requests
    longest = max(tallies, key=lambda tally: tally.window.seconds, default=None)
    if longest is not None and left > 3 * longest.limit:
        # A window that is used up again and again repeats itself: only its first and last turns are played through.
        turns = left // longest.limit - 2
        turn = forecast(_empty(levels), longest.limit, gap=gap, answer=answer).seconds
        at += turns * max(longest.hold + answer, turn)
        left -= turns * longest.limit
        longest.waited += turns * max(0.0, longest.window.seconds - turn)
    group = max(1, int(min((tally.window.seconds for tally in tallies), default=1.0) / gap)) if gap else left
    while left > 0:
        room = min(left, group)
        for tally in tallies:
            queue = tally.queue
            while queue and queue[0][0] <= at:
                tally.total -= queue.popleft()[1]
            room = min(room, tally.limit - tally.total)
        if room <= 0:
            at = _next(tallies, at)
            continue
        left -= room
        for tally in tallies:
            tally.total += room
            tally.queue.append((at + answer + tally.hold, room))
        at += room * gap
    seconds = at + answer if requests else 0.0
    binding = [tally.window for tally in tallies if tally.waited > BINDS * seconds]
    window = max(binding, default=None)
    return Forecast(requests=requests, seconds=seconds, until=now + seconds, window=window, gap=gap)


def best_gap(levels: Sequence[Level], requests: int, *, answer: float = USUAL_ANSWER) -> float:
    """The largest even gap that costs at most 5 % more time than sending as early as allowed; 0 for a small job.

    Requests at an even pace never stall for half a minute, and leave the rest of each window to others.
    """
    shortest = min((level.window.seconds for level in levels), default=0.0)
    gaps = {even_gap(level.window.seconds, level.limit, answer) for level in levels if level.window.seconds > shortest}
    earliest = forecast(levels, requests, answer=answer).seconds
    for gap in sorted(gaps, reverse=True):
        if requests * gap > LONGER_FOR_PACE * earliest:
            continue
        if forecast(levels, requests, gap=gap, answer=answer).seconds <= LONGER_FOR_PACE * earliest:
            return gap
    return 0.0


class Forecaster(Protocol):
    """What `TimeLeft` asks: a `Limiter`."""

    @property
    def waited(self) -> Mapping[str, float]:
        """Seconds waited so far, by what was waited for."""
        ...

    @property
    def under_way(self) -> int:
        """Requests sent and not answered."""
        ...

    def forecast(self, requests: int, *, fastest: float = inf) -> Forecast:
        """When `requests` more will be answered at the earliest."""
        ...


class TimeLeft:
    """The time left of a running load, from what the windows allow and from what the senders really manage.

    The senders' own speed is what they did in the time in which no window held them up: where windows decide, it is
    high and says nothing; where the platform is slow, it decides.
    """

    def __init__(self, limiter: Forecaster, *, clock: Clock) -> None:
        self._limiter, self._clock = limiter, clock
        self._seen: deque[tuple[float, float, int]] = deque()
        self._until = 0.0
        self._asked_at = -inf
        self._every = REFRESH

    def seconds(self, remaining: int) -> float:
        """Seconds until `remaining` requests will be answered; cheap enough for every frame of a progress bar.

        Args:
            remaining: requests not answered yet, those under way included.
        """
        now = self._clock.steady()
        if remaining <= 0:
            return 0.0
        if now - self._asked_at >= self._every:
            self._asked_at = now
            self._seen.append((now, sum(self._limiter.waited.values()), remaining))
            while self._seen[0][0] < now - MEMORY:
                self._seen.popleft()
            unsent = max(1, remaining - self._limiter.under_way)
            self._until = now + self._limiter.forecast(unsent, fastest=self._fastest()).seconds
            self._every = max(REFRESH, 50 * (self._clock.steady() - now))
        return max(0.0, self._until - now)

    def _fastest(self) -> float:
        """Requests a second while nothing was waited for; infinite until enough was seen."""
        (begin, waited_then, remaining_then), (end, waited, remaining) = self._seen[0], self._seen[-1]
        done, busy = remaining_then - remaining, (end - begin) - (waited - waited_then)
        return done / busy if done >= ENOUGH and busy > 0 else inf


def _empty(levels: Sequence[Level]) -> list[Level]:
    return [Level(window=level.window, limit=level.limit) for level in levels]


def _tally(level: Level, answer: float) -> _Tally:
    ring = Ring(level.window.seconds)
    hold = ring.hold + ring.width / 2
    queue = deque(level.slices)
    if level.held:
        queue.append((answer + hold, level.held))
    total = level.held + sum(count for _, count in level.slices)
    return _Tally(window=level.window, limit=level.limit, hold=hold, total=total, queue=queue)


def _next(tallies: Sequence[_Tally], at: float) -> float:
    """When every window has room again; the wait is put down to the window that takes longest."""
    until, slowest = -inf, None
    for tally in tallies:
        missing = tally.total - tally.limit + 1
        for leaves, count in tally.queue if missing > 0 else ():
            missing -= count
            if missing <= 0:
                if leaves > until:
                    until, slowest = leaves, tally
                break
    if slowest is not None:
        slowest.waited += until - at
    return until
