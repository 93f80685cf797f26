"""What is left in each window of an account, for `pango-load quota`."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from pango_load.delivery.quota_terms import make_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pango_load.clock import Clock
    from pango_load.delivery.quota_store import QuotaStore
    from pango_load.plan import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowStatus:
    """How full one window is. Times are seconds since 1970.

    Attributes:
        window: which.
        limit: what may be used of it now; less than the window's own limit after a 429.
        used: requests that count, those under way included.
        under_way: requests not answered yet.
        left: how many could be sent at once.
        frees_up: when the next request leaves the window; None where none is in it, or only an answer can tell.
        all_free: when the last one has left it; None where it is free, or only an answer can tell.
    """

    window: Window
    limit: int
    used: int
    under_way: int
    left: int
    frees_up: float | None
    all_free: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaStatus:
    """What is left of an account.

    Attributes:
        windows: shortest first.
        asked_to_wait_until: Pango answered 429; seconds since 1970, None where that is over.
        processes: how many others have requests under way or might.
    """

    windows: tuple[WindowStatus, ...]
    asked_to_wait_until: float | None
    processes: int


def quota_status(windows: Sequence[Window], store: QuotaStore, *, clock: Clock, share: float = 1.0) -> QuotaStatus:
    """What is left of each of `windows` now; nothing is changed.

    Raises:
        UsageError, TemporaryStop: where the store cannot be read.
    """
    account = store.begin(clock)
    try:
        steady, since_1970 = clock.steady(), clock.now() - clock.steady()
        terms = make_terms(windows, share=share)
        found = []
        for window, limit in zip(terms.windows, account.limits(steady, terms), strict=True):
            ring = account.ring(window)
            slices = ring.slices()
            used = ring.total + ring.held
            found.append(
                WindowStatus(
                    window=window,
                    limit=limit,
                    used=used,
                    under_way=ring.held,
                    left=max(0, limit - used),
                    frees_up=slices[0][0] + since_1970 if slices else None,
                    all_free=slices[-1][0] + since_1970 if slices and not ring.held else None,
                )
            )
        until = account.pause.until
        return QuotaStatus(
            windows=tuple(found),
            asked_to_wait_until=until + since_1970 if steady < until < inf else None,
            processes=sum(any(holding.held) for owner, holding in account.owners.items() if owner != store.owner),
        )
    finally:
        store.abandon()
