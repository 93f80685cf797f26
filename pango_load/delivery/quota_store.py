"""Where an account's quota is kept: the door of every kind of store, and the store that forgets with the process."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Protocol

from pango_load.delivery.quota_account import Account
from pango_load.delivery.quota_terms import Owner

if TYPE_CHECKING:
    from pango_load.clock import Clock


class QuotaStore(Protocol):
    """An account that may be shared. Between `begin` and `commit` or `abandon` it belongs to the caller alone.

    Attributes:
        owner: who takes permits through this door.
        shared: other processes may spend from the account too.
    """

    @property
    def owner(self) -> Owner:
        """Who takes permits through this door."""
        ...

    @property
    def shared(self) -> bool:
        """Whether other processes may spend from the account too."""
        ...

    def begin(self, clock: Clock) -> Account:
        """The account as it is now, its times being `clock.steady()`.

        Raises:
            UsageError: where what is kept cannot be read or written.
            TemporaryStop: where others do not let go of it.
        """
        ...

    def commit(self) -> None:
        """Keep what was changed.

        Raises:
            MustBeMended: where it cannot be written.
        """
        ...

    def abandon(self) -> None:
        """Let go without keeping anything."""
        ...

    def close(self) -> None:
        """Let go for good."""
        ...


_serials = itertools.count()


class MemoryStore:
    """An account that nobody else spends from, forgotten with the process."""

    shared = False

    def __init__(self, account: Account | None = None) -> None:
        self.account = account if account is not None else Account()
        self.owner = Owner(pid=os.getpid(), serial=next(_serials))

    def begin(self, clock: Clock) -> Account:  # noqa: ARG002 - as the protocol says
        """The account."""
        return self.account

    def commit(self) -> None:
        """Nothing to keep."""

    def abandon(self) -> None:
        """Nothing to let go of."""

    def close(self) -> None:
        """Nothing to close."""
