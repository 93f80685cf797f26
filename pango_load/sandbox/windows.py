"""How many requests each window has seen: the four ways in which a server may count, and the referee's own count."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pango_load.sandbox.settings import WindowKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pango_load.plan import Window

_TRIM_AT = 65536
_SHORTEST = 1e-9


class RequestWindows(Protocol):
    """All windows of one account. A request is let through when every window has room for it, and then counts in each.

    Both times are seconds: `steady` never goes back, `wall` is the time of day since 1970.
    """

    def wait(self, steady: float, wall: float) -> float:
        """Seconds until a request would be let through; 0 lets it through now. Counts nothing."""
        ...

    def count(self, steady: float, wall: float) -> None:
        """Count one request in every window."""
        ...


class SlidingWindows:
    """At most `limit` requests in any stretch `(t - seconds, t]`: an exact log of times, one for all windows."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._windows = tuple(windows)
        self._times = array("d")
        self._kept = max((window.limit for window in windows), default=0)

    def wait(self, steady: float, wall: float) -> float:  # noqa: ARG002 - a sliding window has no use for the time of day
        """Seconds until the request that fills each window has left it."""
        seen = len(self._times)
        return max(
            (
                self._times[seen - window.limit] + window.seconds - steady
                for window in self._windows
                if seen >= window.limit
            ),
            default=0.0,
        )

    def count(self, steady: float, wall: float) -> None:  # noqa: ARG002 - as above
        """Remember the time; those that no window can ask for any more are forgotten."""
        self._times.append(steady)
        if len(self._times) >= self._kept + _TRIM_AT:
            del self._times[: len(self._times) - self._kept]


@dataclass(slots=True)
class _CountedWindow:
    """A window that is counted until it ends; `begin` is what its kind counts by."""

    window: Window
    begin: float = float("-inf")
    seen: int = 0


class FixedWindows:
    """Windows that begin at whole multiples of their length on the wall clock."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._counted = [_CountedWindow(window) for window in windows]

    def _roll(self, wall: float) -> None:
        for counted in self._counted:
            begin = wall // counted.window.seconds
            if begin != counted.begin:
                counted.begin, counted.seen = begin, 0

    def wait(self, steady: float, wall: float) -> float:  # noqa: ARG002 - these windows live on the time of day
        """Seconds until every full window has ended."""
        self._roll(wall)
        full = (counted for counted in self._counted if counted.seen >= counted.window.limit)
        return max((max((c.begin + 1) * c.window.seconds - wall, _SHORTEST) for c in full), default=0.0)

    def count(self, steady: float, wall: float) -> None:  # noqa: ARG002 - as above
        """Count one request in every window."""
        self._roll(wall)
        for counted in self._counted:
            counted.seen += 1


class FirstRequestWindows:
    """Windows that begin with the first request counted after the one before has ended."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._counted = [_CountedWindow(window) for window in windows]

    def wait(self, steady: float, wall: float) -> float:  # noqa: ARG002 - these windows live on steady time
        """Seconds until every full window has ended."""
        waits = [c.begin + c.window.seconds - steady for c in self._counted if c.seen >= c.window.limit]
        return max(0.0, *waits) if waits else 0.0

    def count(self, steady: float, wall: float) -> None:  # noqa: ARG002 - as above
        """Count one request, beginning the windows that have ended anew."""
        for counted in self._counted:
            if steady >= counted.begin + counted.window.seconds:
                counted.begin, counted.seen = steady, 0
            counted.seen += 1


class BucketWindows:
    """Buckets that start full and are refilled at `limit / seconds`."""

    _NEARLY = 1e-9

    def __init__(self, windows: Sequence[Window]) -> None:
        self._windows = tuple(windows)
        self._tokens = [float(window.limit) for window in windows]
        self._filled = float("-inf")

    def _refill(self, steady: float) -> None:
        passed = steady - self._filled
        self._filled = steady
        for number, window in enumerate(self._windows):
            self._tokens[number] = min(window.limit, self._tokens[number] + passed * window.limit / window.seconds)

    def wait(self, steady: float, wall: float) -> float:  # noqa: ARG002 - buckets live on steady time
        """Seconds until every bucket holds a token."""
        self._refill(steady)
        return max(
            (
                (1 - tokens) * window.seconds / window.limit
                for tokens, window in zip(self._tokens, self._windows, strict=True)
                if tokens < 1 - self._NEARLY
            ),
            default=0.0,
        )

    def count(self, steady: float, wall: float) -> None:  # noqa: ARG002 - as above
        """Take a token from each bucket; an empty one stays empty."""
        self._refill(steady)
        self._tokens = [max(0.0, tokens - 1) for tokens in self._tokens]


def make_windows(kind: WindowKind, windows: Sequence[Window]) -> RequestWindows:
    """Empty windows that count as `kind` says."""
    match kind:
        case WindowKind.SLIDING:
            return SlidingWindows(windows)
        case WindowKind.FIXED:
            return FixedWindows(windows)
        case WindowKind.FIRST_REQUEST:
            return FirstRequestWindows(windows)
        case WindowKind.BUCKET:
            return BucketWindows(windows)


def worst_count(times: Sequence[float], seconds: float) -> int:
    """The largest number of `times`, in ascending order, within any stretch `(t - seconds, t]`."""
    worst = oldest = 0
    for newest, time in enumerate(times):
        while times[oldest] + seconds <= time:
            oldest += 1
        worst = max(worst, newest - oldest + 1)
    return worst
