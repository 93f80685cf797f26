"""How long to wait before a request goes out again, and how many may go at once while the service is down."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """Times between attempts, in seconds (quota.md, 2.2).

    Attributes:
        first: upper bound of the pause after the first failure; it doubles with every further one.
        longest: the bound that it never passes.
        least: every pause takes at least so long: full jitter alone can come out as nothing and burn the attempts.
        probe: the first pause before the service is tried again while it is down; it doubles up to `longest`.
        lone: a batch that fails so often while others pass is taken apart.
        first_contact: a host that was never reached is given up after so long: its address is probably wrong.
    """

    first: float = 0.5
    longest: float = 60.0
    least: float = 0.2
    probe: float = 1.0
    lone: int = 5
    first_contact: float = 20.0


def next_pause(failures: int, pauses: Pauses, dice: random.Random) -> float:
    """Seconds to wait after the `failures`-th failure in a row (from 1): exponential, with full jitter."""
    bound = min(pauses.longest, pauses.first * 2.0 ** min(failures - 1, 60))
    return max(min(pauses.least, pauses.longest), dice.uniform(0.0, bound))


class BreakerState(StrEnum):
    """Whether the service is taken for well."""

    CLOSED = "closed"
    OPEN = "open"
    RAMP = "ramp"


@dataclass(slots=True, kw_only=True)
class Breaker:
    """Lets one request at a time through while the service is down, and then more and more.

    It opens at 5 failures in a row, or when more than half of the last 20 requests failed. After 3 successes of the one
    probe the number of requests doubles with each further success, until all senders are at work again (quota.md, 2.2).
    Times are steady seconds.
    """

    senders: int
    pauses: Pauses = field(default_factory=Pauses)
    in_a_row: int = 5
    probes: int = 3
    state: BreakerState = BreakerState.CLOSED
    next_probe: float = 0.0
    allowed: int = field(init=False)
    _row: int = 0
    _held_until: float = 0.0
    _last: deque[bool] = field(default_factory=lambda: deque(maxlen=20))
    _pause: float = 0.0
    _successes: int = 0

    def __post_init__(self) -> None:
        self.allowed = self.senders

    def opens_at(self, now: float, under_way: int) -> float | None:
        """When a further request may start beside `under_way` others; None where first one of them must end."""
        if under_way >= self.allowed:
            return None
        return max(now, self.next_probe, self._held_until)

    def hold(self, until: float) -> None:
        """The service asked for a wait: nothing starts before `until`."""
        self._held_until = max(self._held_until, until)

    def failed(self, now: float) -> None:
        """A request got no answer, or one that says that the service is not well."""
        self._row += 1
        self._last.append(False)
        match self.state:
            case BreakerState.CLOSED:
                full = len(self._last) == self._last.maxlen
                if self._row >= self.in_a_row or (full and sum(self._last) * 2 < len(self._last)):
                    self._open(now, self.pauses.probe)
            case BreakerState.RAMP:
                # Requests that began before the fall still come back: only the first failure of a ramp counts.
                self._open(now, self.pauses.probe)
            case BreakerState.OPEN:
                self._successes = 0
                if now >= self.next_probe:
                    self._open(now, min(self.pauses.longest, 2 * self._pause))

    def succeeded(self, now: float) -> None:
        """A request got an answer that shows the service at work, whatever it said of the entries."""
        self._row = 0
        self._last.append(True)
        match self.state:
            case BreakerState.CLOSED:
                pass
            case BreakerState.OPEN:
                self._successes += 1
                self.next_probe = now
                if self._successes >= self.probes:
                    self.state, self.allowed = BreakerState.RAMP, 1
            case BreakerState.RAMP:
                self.allowed = min(self.senders, self.allowed * 2)
                if self.allowed == self.senders:
                    self.state = BreakerState.CLOSED
                    self._last.clear()

    def _open(self, now: float, pause: float) -> None:
        self.state, self.allowed, self._successes = BreakerState.OPEN, 1, 0
        self._pause = min(pause, self.pauses.longest)
        self.next_probe = now + self._pause


@dataclass(slots=True, kw_only=True)
class Outage:
    """For how long nothing has worked. Long waits for quota do not count: waiting is not failing.

    Times are steady seconds.
    """

    give_up_after: float
    since: float | None = None
    _excused_until: float = 0.0

    def failed(self, now: float) -> None:
        """A request did not get what it was sent for."""
        if self.since is None:
            self.since = now

    def succeeded(self) -> None:
        """A request did."""
        self.since = None

    def excuse(self, begin: float, end: float) -> None:
        """Take the time from `begin` to `end` out of the account."""
        begin = max(begin, self._excused_until)
        if self.since is not None and end > begin:
            self.since = min(end, self.since + end - max(begin, self.since))
        self._excused_until = max(self._excused_until, end)

    def is_over(self, now: float) -> bool:
        """Whether it is time to give up."""
        return self.since is not None and now - self.since >= self.give_up_after


@dataclass(slots=True)
class RetryBudget:
    """About a tenth of all requests may be retries at the usual pauses; beyond that they are slower, never dropped."""

    left: float = 10.0

    def earn(self) -> None:
        """A request worked."""
        self.left = min(10.0, self.left + 0.1)

    def spend(self) -> bool:
        """A retry is due: whether it may go at the usual pause."""
        if self.left < 1:
            return False
        self.left -= 1
        return True
