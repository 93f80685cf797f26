"""Permits to send, in order, as early as every window of the account allows."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil, inf
from typing import TYPE_CHECKING

from pango_load.delivery.forecast import Forecast, Level, best_gap, forecast
from pango_load.delivery.quota_account import PATIENCE
from pango_load.delivery.quota_answers import AnswerTimes
from pango_load.delivery.quota_store import MemoryStore, QuotaStore
from pango_load.delivery.quota_terms import USUAL_ANSWER, Block, Permit, Reason, make_terms
from pango_load.errors import LoadStopped
from pango_load.plan import Pace, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pango_load.clock import Clock
    from pango_load.delivery.quota_account import Account
    from pango_load.delivery.quota_terms import Terms

LONGEST_NAP = 5.0
"""Seconds after which a wait looks again: the machine may have slept, or another process given permits back."""

LOOK_AGAIN = 0.05
"""Seconds between looks where only another process's answers can make room."""

BUSY = 500.0
"""Permits a second above which a shared store is asked for several at once."""

SHORTEST_NAP = 0.0005
RATE_SECONDS = 0.1
GROUP_SECONDS = 0.02
SPARE_SECONDS = 0.5
MOST_IN_GROUP = 64


class PermitEnd(StrEnum):
    """How the request that a permit was for has ended."""

    ANSWERED = "answered"
    """Any answer but 429, and also no answer at all: the platform may have seen it."""

    LIMITED = "limited"
    """Answered 429: not executed, and everybody waits."""

    NEVER_SENT = "never-sent"
    """It did not leave this machine: no address, no connection, cancelled before the first byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What the next request waits for.

    Attributes:
        window: the window that is full; None where it is none of them.
        until: when the next permit can be given at the earliest, seconds since 1970.
        reason: in words: "the 1 h window", "Pango asked to wait", "an even pace".
    """

    window: Window | None
    until: float
    reason: str


class Limiter:
    """Gives permits in the order in which they are asked for, so that no window of the account is ever exceeded.

    Every permit must be settled, whatever happens to its request: a permit that is not settled stays charged.

    Args:
        windows: the platform's limits; empty switches the limiter off (a 429 still pauses everybody).
        clock: the only time it knows.
        share: the part of each window that this load may use.
        pace: even, as early as allowed, or by the length of the job (even where that costs at most 5 %).
        expected_requests: the length of the job, where it is known.
        store: where the account's quota is kept; in memory if None. The caller opens it, `close` closes it.
        jitter: randomness for pauses, so that several machines do not come back at once.
    """

    def __init__(
        self,
        windows: tuple[Window, ...],
        *,
        clock: Clock,
        share: float = 1.0,
        pace: Pace = Pace.AUTO,
        expected_requests: int | None = None,
        store: QuotaStore | None = None,
        jitter: random.Random | None = None,
    ) -> None:
        self._clock = clock
        self._store: QuotaStore = store if store is not None else MemoryStore()
        self._random = jitter if jitter is not None else random.Random()
        self._windows, self._share, self._pace, self._expected = windows, share, pace, expected_requests
        self._terms: Terms | None = None
        self._turn = asyncio.Lock()
        self._awake: asyncio.Future[None] | None = None
        self._out: dict[int, Permit] = {}
        self._spare: deque[Permit] = deque()
        self._ended: list[tuple[Permit, PermitEnd, float, float | None]] = []
        self._answers = AnswerTimes(USUAL_ANSWER)
        self._given, self._counted_from, self._rate = 0, -inf, 0.0
        self._waiting: Wait | None = None
        self._waited: dict[str, float] = {}
        self._limited = 0
        self._has_limits = bool(windows) or store is not None

    # --- what a sender uses -------------------------------------------------------------------------------------------

    async def acquire(self) -> Permit:
        """Wait until one request may be sent, first come, first served; may be cancelled at any time.

        Raises:
            UsageError, TemporaryStop, MustBeMended: where the shared quota cannot be read or written.
        """
        if self._is_off and not self._turn.locked():
            # Nobody waits, and nobody has to.
            permit = self._take()
            if isinstance(permit, Permit):
                return permit
        async with self._turn:
            try:
                while True:
                    found = self._take()
                    if isinstance(found, Permit):
                        return found
                    await self._wait(found)
            finally:
                self._waiting = None

    def settle(self, permit: Permit, end: PermitEnd, *, retry_after: float | None = None) -> None:
        """Say how the request of `permit` ended; only the first time counts.

        Args:
            permit: from `acquire`.
            end: how its request ended.
            retry_after: seconds that a 429 asks to wait, as the header says them; None where it does not.
        """
        if self._out.pop(permit.serial, None) is None:
            return
        now = self._clock.steady()
        if end is PermitEnd.LIMITED:
            self._limited += 1
        elif end is PermitEnd.ANSWERED:
            self._answers.saw(now - permit.sent)
        if self._is_off:
            return
        self._ended.append((permit, end, now, retry_after))
        if end is not PermitEnd.ANSWERED or not self._is_busy(now) or len(self._ended) >= MOST_IN_GROUP:
            # What the store refuses here is kept, and the next `acquire` says so.
            with suppress(LoadStopped), self._account():
                pass
        if self._awake is not None and not self._awake.done():
            self._awake.set_result(None)

    async def close(self) -> None:
        """Give back what was not used and let go of the store; permits still out count as answered now."""
        with suppress(LoadStopped), self._account() as account:
            now = self._clock.steady()
            for permit in self._spare:
                account.never_sent(self._store.owner, permit)
            account.bury(self._store.owner, now)
        self._spare.clear()
        self._out.clear()
        self._ended.clear()
        self._store.close()

    # --- what a person is told ----------------------------------------------------------------------------------------

    @property
    def waiting(self) -> Wait | None:
        """What the head of the queue waits for now."""
        return self._waiting

    @property
    def waited(self) -> Mapping[str, float]:
        """Seconds waited so far, by window ("1 min"), "pause" for what the platform asked for, "pace"."""
        return dict(self._waited)

    @property
    def limited(self) -> int:
        """How many 429s were seen."""
        return self._limited

    @property
    def under_way(self) -> int:
        """Permits given and not settled: requests that are not answered yet."""
        return len(self._out)

    @property
    def answer_seconds(self) -> float:
        """What an answer takes: the median of the latest, or a usual value until some were seen."""
        return self._answers.usual

    def next_possible(self) -> Wait | None:
        """When the next permit can be given at the earliest; None: now."""
        terms = self._agreed()
        with self._account() as account:
            block = account.block(self._clock.steady(), terms)
        return self._as_wait(block) if block is not None else None

    def forecast(self, requests: int, *, fastest: float = inf, answer: float | None = None, calls: int = 0) -> Forecast:
        """When `requests` more will be answered at the earliest, given what is left of each window now.

        Args:
            requests: still to be sent, without those under way.
            fastest: requests a second that the senders manage.
            answer: seconds that an answer takes; None: as seen so far. 0 gives a bound that no load can beat.
            calls: permits that are taken before those requests: the authentication call counts like any other.
        """
        terms = self._agreed()
        with self._account() as account:
            now = self._clock.steady()
            levels = levels_of(account, now, terms)
            starts_in = max(0.0, account.pause.until - now)
        found = forecast(
            levels,
            requests + calls if requests else 0,
            now=self._clock.now(),
            gap=max(terms.gap, 1 / fastest),
            answer=self._answers.usual if answer is None else answer,
            starts_in=starts_in,
        )
        return replace(found, requests=requests)

    # --- inside -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _account(self) -> Iterator[Account]:
        """The account for one critical section, with everything settled that has ended since the last one."""
        account = self._store.begin(self._clock)
        try:
            now = self._clock.steady()
            while self._spare and now - self._spare[0].sent > SPARE_SECONDS:
                self._ended.append((self._spare.popleft(), PermitEnd.NEVER_SENT, now, None))
            for ended in self._ended:
                self._apply(account, now, *ended)
            yield account
        except BaseException:
            self._store.abandon()
            raise
        self._store.commit()
        self._ended.clear()

    def _apply(
        self, account: Account, now: float, permit: Permit, end: PermitEnd, at: float, asked: float | None
    ) -> None:
        owner = self._store.owner
        match end:
            case PermitEnd.ANSWERED:
                account.answered(max(permit.sent, at - self._answers.certain), now, owner, permit)
            case PermitEnd.NEVER_SENT:
                account.never_sent(owner, permit)
            case PermitEnd.LIMITED:
                draw = self._random.random()
                account.limited(at, now, owner, permit, asked=asked, draw=draw, terms=self._agreed())

    @property
    def _is_off(self) -> bool:
        """Whether there is nothing to keep account of: no windows, and no 429 so far."""
        return not (self._has_limits or self._limited)

    def _take(self) -> Permit | Block:
        """A permit, or why there is none."""
        if self._is_off:
            # Should there be a 429, it is reckoned by them.
            self._agreed()
            self._spare.append(Permit(self._clock.steady()))
        if not self._spare:
            terms = self._agreed()
            with self._account() as account:
                now = self._clock.steady()
                if self._answers.quickest > PATIENCE:
                    for permit in self._out.values():
                        if now - permit.sent < PATIENCE:
                            break
                        account.age(now, self._store.owner, permit, quickest=self._answers.quickest)
                given = account.take(now, self._group(now), self._store.owner, terms)
                if not given:
                    return account.block(now, terms) or Block(now, Reason.PACE)
            self._count(now, given)
            self._spare.extend(Permit(now) for _ in range(given))
        permit = self._spare.popleft()
        self._out[permit.serial] = permit
        return permit

    def _agreed(self) -> Terms:
        """The terms of this load, the pace chosen by its length and by what is left when it begins."""
        if self._terms is None:
            terms, gap = make_terms(self._windows, share=self._share), 0.0
            with self._account() as account:
                levels = levels_of(account, self._clock.steady(), terms)
            if self._pace is not Pace.BURST and self._expected is not None:
                gap = best_gap(levels, self._expected, answer=self._answers.usual)
            if self._pace is Pace.PACED:
                gap = max(gap, terms.even_gap)
            self._terms = replace(terms, gap=gap)
        return self._terms

    async def _wait(self, block: Block) -> None:
        """Sleep until `block` may have passed, or something was settled."""
        started = self._clock.steady()
        nap = block.until - started
        if nap > LONGEST_NAP:
            nap = LOOK_AGAIN if block.until == inf and self._store.shared else LONGEST_NAP
        if self._answers.quickest > PATIENCE and self._out:
            nap = min(nap, LOOK_AGAIN)
        self._waiting = self._as_wait(block)
        self._awake = asyncio.get_running_loop().create_future()
        timer = asyncio.ensure_future(self._clock.sleep(max(nap, SHORTEST_NAP)))
        try:
            await asyncio.wait((timer, self._awake), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            self._awake = None
            label = block.window.label if block.window is not None else block.reason.value
            self._waited[label] = self._waited.get(label, 0.0) + self._clock.steady() - started

    def _as_wait(self, block: Block) -> Wait:
        until = self._clock.now()
        if block.until != inf:
            until += max(0.0, block.until - self._clock.steady())
        match block.reason:
            case Reason.PAUSE:
                reason = "Pango asked to wait"
            case Reason.PACE:
                reason = "an even pace"
            case Reason.WINDOW | Reason.ANSWERS:
                reason = f"the {block.window.label if block.window is not None else ''} window"
        return Wait(window=block.window, until=until, reason=reason)

    def _is_busy(self, now: float) -> bool:
        return self._store.shared and self._rate >= BUSY and now - self._counted_from < 1.0

    def _group(self, now: float) -> int:
        return min(MOST_IN_GROUP, ceil(self._rate * GROUP_SECONDS)) if self._is_busy(now) else 1

    def _count(self, now: float, given: int) -> None:
        """Measure how many permits a second are given."""
        self._given += given
        passed = now - self._counted_from
        if passed > RATE_SECONDS:
            self._rate = self._given / passed
            self._given, self._counted_from = 0, now


def levels_of(account: Account, now: float, terms: Terms) -> list[Level]:
    """How full every window of `terms` is, as a forecast takes it."""
    return [
        Level(
            window=window,
            limit=limit,
            held=ring.held,
            slices=tuple((leaves - now, count) for leaves, count in ring.slices()),
        )
        for window, limit in zip(terms.windows, account.limits(now, terms), strict=True)
        for ring in (account.ring(window),)
    ]
