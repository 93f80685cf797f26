"""A platform of random moods in virtual time, and what must be true after any load into it."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pango_load.delivery.answer import Answer, NeverSent, NoAnswer, Reply, Trouble
from pango_load.delivery.profile import DOCUMENTED, Profile
from pango_load.plan import Credentials

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Sequence

    from support.virtual_time import VirtualClock

    from pango_load.delivery.client import Line
    from pango_load.records import Batch

SECRET = "api-key-canary-0123456789"
CREDENTIALS = Credentials(api_key=SECRET, username="someone", group_key="group-key-canary-987654")

MOODS = (
    "ok", "lost", "applied-lost", "late", "never-sent", "500", "500-applied", "429", "503", "401", "odd", "409",
    "reset",
)  # fmt: skip
AMBIGUOUS = {"lost", "applied-lost", "late", "500", "500-applied", "odd", "409", "reset"}


@dataclass(slots=True)
class World:
    """A platform that answers by its mood.

    Attributes:
        moods: how likely each mood is; the rest is `ok`.
        poison: positions that it refuses.
        applied: what it took: (time, position), in order.
        doubts: position -> answers that may or may not have followed an application.
        texts: everything it said, secrets and values included.
        most_at_once: the most requests that were under way together.
        down: (from, to) steady seconds in which nothing works.
    """

    clock: VirtualClock
    dice: random.Random
    read_timeout: float
    moods: dict[str, float]
    poison: frozenset[int] = frozenset()
    down: tuple[float, float] = (0.0, 0.0)
    names_index: bool = False
    applied: list[tuple[float, int]] = field(default_factory=list)
    doubts: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    requests: list[tuple[float, str, int]] = field(default_factory=list)
    tokens: int = 0
    most_at_once: int = 0
    first_alone: bool = True
    _under_way: int = 0
    _proved: int = 0
    _dead: set[int] = field(default_factory=set)
    _odd: int = 0
    _later: list[asyncio.Task[None]] = field(default_factory=list)

    host: str = "pango.test"
    profile: Profile = DOCUMENTED
    credentials: Credentials = CREDENTIALS

    def open_line(self) -> Line:
        return _Line(self)

    async def authenticate(self) -> Reply:
        await asyncio.sleep(self.dice.uniform(0.01, 0.4))
        if self.dice.random() < self.moods.get("never-sent", 0.0):
            return NeverSent(trouble=Trouble.REFUSED)
        self.tokens += 1
        document = {
            "success": True,
            "token": f"token-{self.tokens}-canary",
            "expiredAfter": self.dice.choice([30, 1800]),
        }
        return Answer(status=200, body=json.dumps(document).encode())

    async def receive(self, entries: Sequence[bytes], token: str) -> Reply:
        positions = [int(json.loads(entry)["n"]) for entry in entries]
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            return await self._receive(positions, entries, token)
        finally:
            self._under_way -= 1

    def _mood(self) -> str:
        if self.down[0] <= self.clock.steady() < self.down[1]:
            return "500"
        draw = self.dice.random()
        for mood, share in self.moods.items():
            if draw < share:
                return mood
            draw -= share
        return "ok"

    async def _receive(  # noqa: C901, PLR0911, PLR0912 - a table of moods
        self, positions: list[int], entries: Sequence[bytes], token: str
    ) -> Reply:
        mood = self._mood()
        generation = int(token.split("-")[1])
        if generation in self._dead or (mood == "401" and generation <= self._proved):
            self._dead.add(generation)
            self.requests.append((self.clock.steady(), "401", len(positions)))
            return self._says(401, "EXPIRED", f"{token} {SECRET}")
        # Three odd answers without another between them are the end of a load: that is another claim.
        if mood == "401" or (mood == "odd" and self._odd == 2):
            mood = "ok"
        self._odd += mood == "odd"
        self.requests.append((self.clock.steady(), mood, len(positions)))
        if mood == "never-sent":
            await asyncio.sleep(0.01)
            return NeverSent(trouble=Trouble.UNREACHABLE)
        await asyncio.sleep(self.dice.expovariate(4.0) * 0.5)
        if mood == "429":
            wait = self.dice.choice([None, "0", "1", "2.5", "soon", "-4"])
            return Answer(status=429, limit_wait=wait, body=b"slow down")
        if mood == "503":
            return Answer(status=503, retry_after=self.dice.choice(["0", "3"]), body=b"<h1>busy</h1>")
        self._proved = (
            max(self._proved, generation) if mood not in {"lost", "late", "applied-lost", "reset"} else self._proved
        )
        bad = [at for at in positions if at in self.poison]
        if mood in AMBIGUOUS:
            for at in positions:
                self.doubts[at] += 1
        if not bad:
            if mood in {"ok", "applied-lost", "500-applied", "odd"}:
                self._apply(positions)
            if mood == "late":
                self._later.append(asyncio.create_task(self._apply_late(positions)))
        match mood:
            case "lost" | "applied-lost" | "late":
                await asyncio.sleep(self.read_timeout)
                return NoAnswer(trouble=Trouble.TIMEOUT)
            case "reset":
                return NoAnswer(trouble=Trouble.BROKEN)
            case "500" | "500-applied":
                return Answer(status=500, body=b"<html>oops</html>")
            case "409":
                return self._says(409, "CONFLICT", "try again")
            case "odd":
                return Answer(status=200, body=b"")
            case _:
                pass
        if bad:
            value = json.loads(entries[positions.index(bad[0])])["customerId"]
            where = f"entries[{positions.index(bad[0])}] " if self.names_index else ""
            return self._says(400, "INVALID", f"{where}bad value {value} for {SECRET} {token}")
        return self._says(200, None, "")

    def _apply(self, positions: list[int]) -> None:
        self.applied.extend((self.clock.steady(), at) for at in positions)

    async def _apply_late(self, positions: list[int]) -> None:
        await asyncio.sleep(self.read_timeout * self.dice.uniform(1.0, 2.0))
        self._apply(positions)

    async def quiet_down(self) -> None:
        """Let what is still on its way land."""
        await asyncio.gather(*self._later)

    def _says(self, status: int, code: str | None, message: str) -> Reply:
        document: dict[str, object] = {"success": status == 200}
        if code:
            document |= {"errorCode": code, "message": message}
        return Answer(status=status, body=json.dumps(document).encode())


class _Line:
    def __init__(self, world: World) -> None:
        self._world = world

    async def send(self, entries: Sequence[bytes], token: str) -> Reply:
        return await self._world.receive(entries, token)

    async def close(self) -> None:
        pass


async def stream(batches: Sequence[Batch]) -> AsyncIterator[Batch]:
    """Batches as the payload gives them."""
    for batch in batches:
        await asyncio.sleep(0)
        yield batch
