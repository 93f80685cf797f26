"""A small world in which clients send to one platform through a network that delays and overtakes: discrete events."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Protocol

from support.quota_servers import header

from pango_load.delivery.limiter import PermitEnd

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from support.quota_servers import Server


class Client(Protocol):
    """Somebody who decides when to send."""

    def ask(self, now: float) -> object | None:
        """A permit for one request sent now, or None."""
        ...

    def next_time(self, now: float) -> float:
        """When to ask again; infinite where only an answer helps."""
        ...

    def settle(self, now: float, permit: object, end: PermitEnd, retry_after: float | None) -> None:
        """A request has ended."""
        ...


Delays = tuple[float, float]


@dataclass(slots=True)
class Job:
    """What one client has to send.

    Attributes:
        left: not sent yet, or to be sent again.
        flying: sent and not answered.
        answered: done.
        limited: how many 429s it saw.
        finished: arrival of its last accepted request.
        alive: it has not been killed.
    """

    client: Client
    left: int
    connections: int
    flying: int = 0
    answered: int = 0
    limited: int = 0
    finished: float = 0.0
    alive: bool = True
    asked: float = inf


@dataclass(slots=True)
class World:
    """The clients, the network, the platform and what is still to happen.

    Attributes:
        server: who takes or refuses.
        network: seconds there and back for a request sent at a time.
        random: everything that chance decides.
        now: steady seconds.
        accepted: arrival times of accepted requests, in order.
        write_header: how the platform writes a wait; None leaves the header away.
    """

    server: Server
    network: Callable[[random.Random, float], Delays]
    random: random.Random
    now: float = 0.0
    unsent: float = 0.0
    write_header: Callable[[float], float] | None = header
    accepted: list[float] = field(default_factory=list)
    refused: int = 0
    jobs: list[Job] = field(default_factory=list)
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _serial: int = 0

    def add(self, client: Client, requests: int, *, connections: int = 256, at: float | None = None) -> Job:
        """Give `client` something to send."""
        job = Job(client, requests, connections)
        self.jobs.append(job)
        self.at(self.now if at is None else at, partial(self._send, job))
        return job

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Let something happen."""
        self._serial += 1
        heapq.heappush(self._events, (when, self._serial, action))

    def kill(self, job: Job) -> int:
        """The client's process ends at once; how many requests nobody knows the answer of, or are not sent yet."""
        job.alive = False
        unknown, job.left = job.left + job.flying, 0
        return unknown

    def foreign(self, at: float) -> bool:
        """Somebody else's request arrives; whether it was taken."""
        return self.server.arrive(at) is None

    def run(self, until: float = inf) -> None:
        """Let everything happen."""
        events = self._events
        while events and events[0][0] <= until:
            when, _, action = heapq.heappop(events)
            self.now = max(self.now, when)
            action()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _send(self, job: Job) -> None:
        """Send what may be sent, and come back when more may be."""
        if job.asked <= self.now:
            job.asked = inf
        while job.alive and job.left and job.flying < job.connections:
            permit = job.client.ask(self.now)
            if permit is None:
                when = job.client.next_time(self.now)
                if when < inf and when < job.asked:
                    job.asked = max(when, self.now + 1e-6)
                    self.at(job.asked, partial(self._send, job))
                return
            job.left -= 1
            job.flying += 1
            there, back = self.network(self.random, self.now)
            if self.unsent and self.random.random() < self.unsent:
                self.at(self.now + there, partial(self._end, job, permit, PermitEnd.NEVER_SENT, None))
            else:
                self.at(self.now + there, partial(self._arrive, job, permit, back))

    def _arrive(self, job: Job, permit: object, back: float) -> None:
        wait = self.server.arrive(self.now)
        if wait is None:
            self.accepted.append(self.now)
            job.finished = self.now
            self.at(self.now + back, partial(self._end, job, permit, PermitEnd.ANSWERED, None))
        else:
            self.refused += 1
            asked = self.write_header(wait) if self.write_header else None
            self.at(self.now + back, partial(self._end, job, permit, PermitEnd.LIMITED, asked))

    def _end(self, job: Job, permit: object, end: PermitEnd, asked: float | None) -> None:
        if not job.alive:
            return
        job.flying -= 1
        if end is PermitEnd.ANSWERED:
            job.answered += 1
        else:
            job.left += 1
            job.limited += end is PermitEnd.LIMITED
        job.client.settle(self.now, permit, end, asked)
        self._send(job)
        for other in self.jobs:
            if other is not job and other.client is job.client:
                self._send(other)

    @property
    def longest_stall(self) -> float:
        """Seconds between two accepted requests, at most."""
        return max(
            (after - before for before, after in zip(self.accepted, self.accepted[1:], strict=False)), default=0.0
        )


# --- networks ---------------------------------------------------------------------------------------------------------


def usual_network(random: random.Random, now: float) -> Delays:
    """20 to 400 ms each way."""
    return random.uniform(0.02, 0.4), random.uniform(0.02, 0.4)


def slow_server(least: float, most: float) -> Callable[[random.Random, float], Delays]:
    """The usual network, and a platform that thinks for a while after it has counted the request."""

    def delays(random: random.Random, now: float) -> Delays:
        there, back = usual_network(random, now)
        return there, back + random.uniform(least, most)

    return delays


def stalls(held: float, every: float) -> Callable[[random.Random, float], Delays]:
    """The usual network, which holds everything for `held` seconds `every` so often and lets it go together."""

    def released(at: float) -> float:
        begin = at // every * every
        return max(at, begin + held)

    def delays(random: random.Random, now: float) -> Delays:
        there, back = usual_network(random, now)
        arrival = released(now + there)
        return arrival - now, released(arrival + back) - arrival

    return delays


def late_ones(random: random.Random, now: float) -> Delays:
    """The usual network; 2 % of the requests are half a second to five seconds late."""
    there, back = usual_network(random, now)
    return there + (random.uniform(0.5, 5) if random.random() < 0.02 else 0.0), back
