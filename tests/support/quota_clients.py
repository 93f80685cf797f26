"""Clients of a simulated world: our own limiter's core, and what others do."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, cast

from pango_load.delivery.forecast import best_gap
from pango_load.delivery.limiter import PermitEnd, levels_of
from pango_load.delivery.quota_account import PATIENCE, Account
from pango_load.delivery.quota_answers import AnswerTimes
from pango_load.delivery.quota_terms import USUAL_ANSWER, Owner, Permit, make_terms

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
        self._answers = AnswerTimes(USUAL_ANSWER)

    def ask(self, now: float) -> object | None:
        account = self.shared.account
        if self._answers.quickest > PATIENCE:
            for permit in self._out.values():
                if now - permit.sent < PATIENCE:
                    break
                account.age(now, self.owner, permit, quickest=self._answers.quickest)
        if not account.take(now, 1, self.owner, self.terms):
            return None
        permit = Permit(now)
        self._out[permit.serial] = permit
        return permit

    def next_time(self, now: float) -> float:
        block = self.shared.account.block(now, self.terms)
        until = now if block is None else block.until
        if self._answers.quickest > PATIENCE and self._out:
            ages = (permit.sent + PATIENCE for permit in self._out.values())
            until = min(until, next((age for age in ages if age > now), now + 1.0))
        if until == inf and any(owner != self.owner for owner in self.shared.account.owners):
            return now + 0.05
        return until

    def settle(self, now: float, permit: object, end: PermitEnd, retry_after: float | None) -> None:
        given = cast("Permit", permit)
        self._out.pop(given.serial, None)
        account = self.shared.account
        match end:
            case PermitEnd.NEVER_SENT:
                account.never_sent(self.owner, given)
            case PermitEnd.LIMITED:
                draw = self._random.random()
                account.limited(now, now, self.owner, given, asked=retry_after, draw=draw, terms=self.terms)
            case PermitEnd.ANSWERED:
                self._answers.saw(now - given.sent)
                account.answered(max(given.sent, now - self._answers.certain), now, self.owner, given)


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
