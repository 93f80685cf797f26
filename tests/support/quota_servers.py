"""Platforms that hold their windows in every way that is known: the referees of the quota's simulations."""

from __future__ import annotations

from collections import deque
from math import ceil, floor, inf
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pango_load.plan import Window


class Server(Protocol):
    """A platform that takes or refuses what arrives; refused requests are not counted."""

    def arrive(self, at: float) -> float | None:
        """None: taken. Otherwise the seconds after which it would have been."""
        ...


class FixedWindows:
    """Windows that begin at fixed times, or with the first request after the one before has ended (`phase` None)."""

    def __init__(self, windows: Sequence[Window], phase: float | None = 0.0) -> None:
        self._windows = [(window.seconds, window.limit) for window in windows]
        self._phase = phase
        self._begun = [-inf] * len(windows)
        self._used = [0] * len(windows)

    def arrive(self, at: float) -> float | None:
        wait = 0.0
        for place, (seconds, limit) in enumerate(self._windows):
            if at >= self._begun[place] + seconds:
                self._used[place] = 0
                self._begun[place] = self._begin(at, seconds)
            if self._used[place] >= limit:
                wait = max(wait, self._begun[place] + seconds - at)
        if wait:
            return wait
        for place in range(len(self._used)):
            self._used[place] += 1
        return None

    def _begin(self, at: float, seconds: float) -> float:
        if self._phase is None:
            return at
        return floor((at - self._phase) / seconds) * seconds + self._phase


class SlidingLog:
    """Any interval of a window's length: the strictest of all."""

    def __init__(self, windows: Sequence[Window], *, whole_seconds: bool = False) -> None:
        self._windows = [(window.seconds, window.limit) for window in windows]
        self._logs: list[deque[float]] = [deque() for _ in windows]
        self._whole = whole_seconds

    def arrive(self, at: float) -> float | None:
        if self._whole:
            at = floor(at)
        wait = 0.0
        for (seconds, limit), log in zip(self._windows, self._logs, strict=True):
            while log and log[0] + seconds <= at:
                log.popleft()
            if len(log) >= limit:
                wait = max(wait, log[len(log) - limit] + seconds - at)
        if wait:
            return wait
        for log in self._logs:
            log.append(at)
        return None


class TokenBuckets:
    """A bucket for each window, full at first, filled at an even rate."""

    def __init__(self, windows: Sequence[Window], *, size: float = 1.0, rate: float = 1.0) -> None:
        self._sizes = [max(1.0, window.limit * size) for window in windows]
        self._rates = [window.limit * rate / window.seconds for window in windows]
        self._tokens = list(self._sizes)
        self._at = -inf

    def arrive(self, at: float) -> float | None:
        wait = 0.0
        for place, rate in enumerate(self._rates):
            tokens = self._sizes[place]
            if self._at > -inf:
                tokens = min(tokens, self._tokens[place] + (at - self._at) * rate)
            self._tokens[place] = tokens
            if tokens < 1 - 1e-9:
                wait = max(wait, (1 - tokens) / rate)
        self._at = at
        if wait:
            return wait
        for place in range(len(self._tokens)):
            self._tokens[place] -= 1
        return None


class SlidingCounter:
    """Two counters for each window, the older one weighed by how much of it is still inside."""

    def __init__(self, windows: Sequence[Window], phase: float = 0.0) -> None:
        self._windows = [(window.seconds, window.limit) for window in windows]
        self._phase = phase
        self._now = [0] * len(windows)
        self._before = [0] * len(windows)
        self._index = [-10] * len(windows)

    def arrive(self, at: float) -> float | None:
        wait = 0.0
        for place, (seconds, limit) in enumerate(self._windows):
            passed = (at - self._phase) / seconds
            index = floor(passed)
            if index != self._index[place]:
                self._before[place] = self._now[place] if index == self._index[place] + 1 else 0
                self._now[place] = 0
                self._index[place] = index
            part = 1 - (passed - index)
            weight = self._before[place] * part + self._now[place]
            if weight + 1 > limit + 1e-9:
                room = limit - 1 - self._now[place]
                if room >= 0 and self._before[place]:
                    wait = max(wait, (part - room / self._before[place]) * seconds, 1e-3)
                else:
                    wait = max(wait, part * seconds + 1e-3)
        if wait:
            return wait
        for place in range(len(self._now)):
            self._now[place] += 1
        return None


def optimum(server: Server, requests: int, *, at: float = 0.0) -> float:
    """Seconds from the first request to the last for somebody who knows the server and has no network between."""
    begin = at
    for _ in range(requests):
        while (wait := server.arrive(at)) is not None:
            at += wait + 1e-9
    return at - begin


def header(wait: float) -> float:
    """The wait as whole seconds, rounded up, as a careful platform writes it."""
    return float(max(1, ceil(wait)))


def floor_header(wait: float) -> float:
    """The wait as whole seconds, rounded down, as bucket4j's starter writes it; 0 is usual."""
    return float(floor(wait))
