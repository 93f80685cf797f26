"""Clients of a simulated world: our own limiter's core, and what others do."""

from __future__ import annotations

from collections import deque
from math import inf
from statistics import median
from typing import TYPE_CHECKING, cast

from pango_load.delivery.forecast import best_gap
from pango_load.delivery.limiter import ANSWERS_NEEDED, ANSWERS_SEEN, PermitEnd, levels_of
from pango_load.delivery.quota_account import SLOW, Account
from pango_load.delivery.quota_terms import Owner, Permit, make_terms

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from support.quota_servers import TokenBuckets

    from pango_load.plan import Window


class Shared:
    """An account that several clients of a world spend from, and that can be written and read between."""

    def __init__(self, account: Account | None = None) -> None:
        self.account = account if account is not None else Account()


class CoreClient:
    """What `Limiter` does, without its event loop: some millions of requests a minute can be played through."""

    def __init__(
        self,
        windows: Sequence[Window],
        random: random.Random,
        *,
        shared: Shared | None = None,
        serial: int = 0,
        gap: float | None = 0.0,
        requests: int = 0,
        share: float = 1.0,
    ) -> None:
        self.shared = shared if shared is not None else Shared()
        self.owner = Owner(pid=serial + 1)
        self.terms = make_terms(windows, share=share, gap=gap or 0.0)
        if gap is None:
            levels = levels_of(self.shared.account, 0.0, self.terms)
            self.terms = make_terms(windows, share=share, gap=best_gap(levels, requests))
        self._random = random
        self._out: dict[int, Permit] = {}
        self._answers: deque[float] = deque(maxlen=ANSWERS_SEEN)
        self._seen = 0
        self._median = 0.0

    def ask(self, now: float) -> object | None:
        account = self.shared.account
        if self._median > SLOW:
            for permit in self._out.values():
                if now - permit.sent < SLOW:
                    break
                account.age(now, self.owner, permit, median=self._median)
        if not account.take(now, 1, self.owner, self.terms):
            return None
        permit = Permit(now)
        self._out[permit.serial] = permit
        return permit

    def next_time(self, now: float) -> float:
        block = self.shared.account.block(now, self.terms)
        until = now if block is None else block.until
        if self._median > SLOW and self._out:
            oldest = next(iter(self._out.values()))
            return min(until, max(now + 0.02, oldest.sent + SLOW))
        if until == inf and len(self.shared.account.owners) > 1:
            return now + 0.05
        return until

    def settle(self, now: float, permit: object, end: PermitEnd, retry_after: float | None) -> None:
        given = cast("Permit", permit)
        self._out.pop(given.serial, None)
        account = self.shared.account
        match end:
            case PermitEnd.NEVER_SENT:
                account.never_sent(now, self.owner, given)
            case PermitEnd.LIMITED:
                draw = self._random.random()
                account.limited(now, now, self.owner, given, asked=retry_after, draw=draw, terms=self.terms)
            case PermitEnd.ANSWERED:
                account.answered(now, now, self.owner, given)
                self._answers.append(now - given.sent)
                self._seen += 1
                if self._seen % ANSWERS_NEEDED == 0:
                    self._median = median(self._answers)


class BucketClient:
    """Token buckets on the client's side; a 429's header is obeyed by everybody."""

    def __init__(self, buckets: TokenBuckets) -> None:
        self._buckets = buckets
        self._until = -inf
        self._wait = 0.0

    def ask(self, now: float) -> object | None:
        if now < self._until:
            return None
        wait = self._buckets.arrive(now)
        if wait is None:
            return self
        self._wait = wait
        return None

    def next_time(self, now: float) -> float:
        return self._until if now < self._until else now + self._wait + 1e-9

    def settle(self, now: float, permit: object, end: PermitEnd, retry_after: float | None) -> None:
        if end is PermitEnd.LIMITED:
            self._until = max(self._until, now + (retry_after or 1.0))
