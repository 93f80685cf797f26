"""What one window remembers: how many answered requests still count, in 256 slices, not request by request."""

from __future__ import annotations

from array import array
from math import floor, inf

SLICES = 256
SIZE = SLICES + 8
"""Slices kept: those of one window and of the margins, so that no two live slices share a place."""

DRIFT = 2e-4
"""Seconds by which two clocks may drift apart in each second (17 s a day)."""

EDGE = 0.005
"""Seconds added for a server that counts both ends of its window; less for windows below one second."""


class Ring:
    """Answered requests of one window: a moving count, exact to a slice, never too low.

    A request answered at `t` counts until the *end* of its slice lies `hold` back, `hold` being the window's length and
    the margins: up to 1/256 of the window longer than it must, never shorter.

    Attributes:
        seconds: the window's length.
        total: answered requests that still count.
        frees: when the oldest of them leaves, infinite where there is none.
        held: requests under way, of all processes.
        ease: the part of the limit that is used, 1 unless the server complained.
        eased_at: when `ease` last changed, steady seconds.
    """

    __slots__ = ("counts", "ease", "eased_at", "frees", "head", "held", "hold", "seconds", "tail", "total", "width")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.width = seconds / SLICES
        self.hold = seconds * (1 + DRIFT) + min(EDGE, seconds / 200)
        self.counts = array("I", bytes(4 * SIZE))
        self.tail = 0
        self.head = -1
        self.total = 0
        self.frees = inf
        self.held = 0
        self.ease = 1.0
        self.eased_at = 0.0

    def expire(self, now: float) -> None:
        """Forget the slices that have left the window. Before every `add`, or a slice would land on a forgotten one."""
        if now < self.frees:
            return
        counts, width, hold = self.counts, self.width, self.hold
        while self.total:
            place = self.tail % SIZE
            if counts[place]:
                self.frees = (self.tail + 1) * width + hold
                if now < self.frees:
                    return
                self.total -= counts[place]
                counts[place] = 0
            self.tail += 1
        self.frees = inf

    def add(self, at: float, now: float, count: int = 1) -> None:
        """Count `count` requests answered at `at`, which is `now` or a little before it."""
        if self.frees <= now:
            self.expire(now)
        slice_ = floor(at / self.width)
        if slice_ == self.head and self.total:
            self.counts[slice_ % SIZE] += count
            self.total += count
            return
        if (slice_ + 1) * self.width + self.hold <= now:
            return
        self._put(slice_, count)

    def _put(self, slice_: int, count: int) -> None:
        if not self.total:
            self.tail = self.head = slice_
            self.frees = (slice_ + 1) * self.width + self.hold
        elif slice_ > self.head:
            self.head = slice_
        elif slice_ < self.tail:
            self.tail = slice_
            self.frees = (slice_ + 1) * self.width + self.hold
        self.counts[slice_ % SIZE] += count
        self.total += count

    def free_at(self, count: int) -> float:
        """Steady time at which `count` of the answered requests have left the window; `count` is 1 to `total`."""
        tail, counts = self.tail, self.counts
        while True:
            count -= counts[tail % SIZE]
            if count <= 0:
                return (tail + 1) * self.width + self.hold
            tail += 1

    def slices(self) -> list[tuple[float, int]]:
        """(when it leaves the window, how many), oldest first, empty slices left out."""
        if not self.total:
            return []
        return [
            ((slice_ + 1) * self.width + self.hold, self.counts[slice_ % SIZE])
            for slice_ in range(self.tail, self.head + 1)
            if self.counts[slice_ % SIZE]
        ]

    def shift(self, seconds: float) -> None:
        """Move everything by `seconds`, after the steady clock began anew; rounded to the later slice."""
        old = self.slices()
        self.clear()
        for leaves, count in old:
            self._put(floor((leaves - self.hold + seconds) / self.width), count)

    def clear(self) -> None:
        """Forget every answered request."""
        self.counts = array("I", bytes(4 * SIZE))
        self.tail, self.head, self.total, self.frees = 0, -1, 0, inf


def even_gap(seconds: float, limit: int, answer: float) -> float:
    """Seconds between requests at which a window never fills up, where an answer takes `answer` seconds."""
    ring = Ring(seconds)
    return (ring.hold + ring.width + answer) / limit
