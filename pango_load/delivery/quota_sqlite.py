"""The quota of one account in one small SQLite file, shared by every process of the machine and kept over restarts.

WAL and `synchronous=NORMAL`: a crash of the program loses nothing, a power failure the last moments at worst. The file
is apart from the journals, and its name is a digest of address, user and organisation.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pango_load.delivery.quota_account import Account
from pango_load.delivery.quota_bytes import DamagedQuotaError, decode, encode
from pango_load.delivery.quota_process import boot_number, is_gone, this_process
from pango_load.errors import LoadStopped, MustBeMended, TemporaryStop, UsageError

if TYPE_CHECKING:
    from pango_load.clock import Clock
    from pango_load.delivery.quota_terms import Owner

PATIENCE = 10.0
"""Seconds to wait for another process that holds the file; it is held for some microseconds at a time."""

LOOK_FOR_DEAD = 1.0
"""Seconds between looks for processes that have gone."""

STILL_ON_THE_WAY = 2.0
"""Seconds for which a request of a killed process may still be on its way to the platform."""

BACKWARDS = 1.0
"""Seconds by which the steady clock may seem to go back before that is taken for a new start of the machine."""


class Gone(Protocol):
    """Says whether the process behind an owner has ended."""

    def __call__(self, owner: Owner, *, silent_for: float) -> bool:
        """Whether it has, when it was last heard of `silent_for` seconds ago."""
        ...


def quota_path(state: Path, account: str) -> Path:
    """The file of the account with the digest `account` (`Endpoint.account`) in the state folder."""
    return state / f"quota-{account}.sqlite"


class SqliteStore:
    """An account that every process of this machine shares.

    Args:
        path: from `quota_path`; made if it is not there, readable by its owner only.
        owner: this process, unless a test plays several.
        gone: whether another owner's process has ended.
        boot: tells this start of the machine from others.

    Raises:
        UsageError: the file is damaged or cannot be written.
        TemporaryStop: another process does not let go of it.
        MustBeMended: the disk is full.
    """

    shared = True

    def __init__(
        self,
        path: Path,
        *,
        owner: Owner | None = None,
        gone: Gone = is_gone,
        boot: int | None = None,
        account_type: type[Account] = Account,
    ) -> None:
        self.path = path
        self.owner = owner if owner is not None else this_process()
        self._gone = gone
        self._boot = boot if boot is not None else boot_number()
        self._account = account_type()
        self._account_type = account_type
        self._version = -1
        self._wall, self._boot_read = 0.0, self._boot
        self._clock: Clock | None = None
        self._looked = -inf
        self._dying: dict[Owner, float] = {}
        try:
            if not path.exists():
                _make(path)
            self._db = _connect(path)
        except (sqlite3.Error, OSError) as wrong:
            raise _explain(path, wrong) from wrong

    def begin(self, clock: Clock) -> Account:
        """The account, locked for this process until `commit` or `abandon`."""
        try:
            if self._db.in_transaction:
                self.abandon()
            self._db.execute("BEGIN IMMEDIATE")
            (version,) = self._db.execute("SELECT version FROM account").fetchone()
            if version != self._version:
                self._read()
                self._version = version
        except sqlite3.Error as wrong:
            self.abandon()
            raise _explain(self.path, wrong) from wrong
        except DamagedQuotaError as wrong:
            self.abandon()
            raise _explain(self.path, sqlite3.DatabaseError()) from wrong
        self._clock = clock
        self._place_in_time(clock)
        return self._account

    def commit(self) -> None:
        """Write the account and let go of it."""
        assert self._clock is not None  # noqa: S101 - `begin` comes first
        try:
            blob = encode(self._account, wall=self._clock.now(), boot=self._boot)
            self._db.execute("UPDATE account SET version = ?, state = ?", (self._version + 1, blob))
            self._db.execute("COMMIT")
        except sqlite3.Error as wrong:
            self.abandon()
            raise _explain(self.path, wrong) from wrong
        self._version += 1

    def abandon(self) -> None:
        """Let go of the account as it was; it is read anew the next time."""
        self._version = -1
        with suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the file."""
        with suppress(sqlite3.Error):
            self._db.close()

    def _read(self) -> None:
        row = self._db.execute("SELECT state FROM account").fetchone()
        blob: object = row[0]
        if not isinstance(blob, bytes):
            raise DamagedQuotaError("no bytes")
        if blob:
            self._account, self._wall, self._boot_read = decode(blob, self._account_type)
        else:
            self._account, self._wall, self._boot_read = self._account_type(), 0.0, self._boot

    def _place_in_time(self, clock: Clock) -> None:
        """Bring the account to now, and let go of what processes took with them."""
        account, now = self._account, clock.steady()
        others = [owner for owner in account.owners if owner != self.owner]
        restarted = account.last > -inf and (self._boot_read != self._boot or now < account.last - BACKWARDS)
        if restarted:
            # Steady time began anew: the wall clock alone knows how long ago the last words were. Set back, it counts
            # as no time at all.
            account.shift(now - max(0.0, clock.now() - self._wall) - account.last)
            self._boot_read = self._boot
        account.last = now
        if restarted or abs(now - self._looked) >= LOOK_FOR_DEAD:
            self._looked = now
            for owner in others:
                if not restarted and not self._gone(owner, silent_for=now - account.owners[owner].beat):
                    continue
                if restarted or now - self._dying.setdefault(owner, now) >= STILL_ON_THE_WAY:
                    account.bury(owner, now)
                    self._dying.pop(owner, None)


def forget_account(path: Path, clock: Clock) -> None:
    """Begin with full windows (`pango-load quota --reset`); what is under way elsewhere stays charged.

    A damaged file is replaced.

    Raises:
        UsageError: the file cannot be written.
        TemporaryStop: another process does not let go of it.
    """
    try:
        store = SqliteStore(path)
        store.begin(clock).forget()
        store.commit()
        store.close()
    except UsageError:
        try:
            for suffix in ("-wal", "-shm", ""):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
        except OSError as wrong:
            raise _explain(path, wrong) from wrong
        SqliteStore(path).close()


def _make(path: Path) -> None:
    """Make an empty quota aside and put it in place whole, so that processes that start together find one file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".quota-", dir=path.parent)
    os.close(handle)
    aside = Path(name)
    try:
        made = sqlite3.connect(aside, isolation_level=None)
        try:
            made.execute("PRAGMA journal_mode = WAL")
            made.execute("CREATE TABLE account (version INTEGER NOT NULL, state BLOB NOT NULL)")
            made.execute("INSERT INTO account VALUES (0, x'')")
        finally:
            made.close()
        with suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        found = connection.execute("SELECT count(*) FROM account").fetchone()
        if found != (1,):
            raise sqlite3.DatabaseError("not one account")  # noqa: TRY301 - it closes like any other damage
        # A folder or a file that cannot be written shows here, before anything is sent.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE account SET version = version")
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _explain(path: Path, wrong: sqlite3.Error | OSError) -> LoadStopped:
    """The two lines for a quota file that cannot be used."""
    if isinstance(wrong, OSError):
        code, words = -1, wrong.strerror or str(wrong)
    else:
        code, words = getattr(wrong, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF, str(wrong)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return TemporaryStop(
            f"The quota file {path} was held by another process for more than {PATIENCE:g} seconds.",
            "Look for a pango-load that is stopped (Ctrl-Z), let it go on or end it, then run the same command again.",
        )
    if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
        return MustBeMended(
            f"The quota file {path} cannot be written: {words}.",
            "Make room on the disk, then run the same command again.",
        )
    if code in {-1, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        return UsageError(
            f"The quota file {path} cannot be written: {words}.",
            "Make it and its folder writable, or name another folder in PANGO_STATE_DIR.",
        )
    return UsageError(
        f"The quota file {path} is damaged.",
        "`pango-load quota --reset` begins a new one; what was sent in the last 24 hours is then forgotten.",
    )
