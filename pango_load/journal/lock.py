"""One process for each load: a lock that the kernel lets go when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from pango_load.errors import AlreadyRunning, UsageError
from pango_load.journal.place import check_state_folder, private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

LOCKS = "locks"
"""The folder in the state folder that holds the locks."""

_TURNSTILE = "turnstile"


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that runs a load: its id, and when it began in seconds since 1970."""

    pid: int
    since: float


class LoadLock:
    """The right to run one load; given back by `close`, or by the kernel when the process ends."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle

    def close(self) -> None:
        """Give the right back."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def claim(state: Path, identity: str, *, now: float, pid: int | None = None) -> LoadLock:
    """Take the right to run the load whose identity has the digest `identity`.

    Raises:
        AlreadyRunning: another process has it, which the message names.
        UsageError: the state folder cannot be used.
    """
    check_state_folder(state)
    folder = private_folder(state / LOCKS)
    path = folder / f"{identity}.lock"
    with _turn(folder):
        handle = _open(path)
        if not _try(handle):
            holder = _read(handle)
            os.close(handle)
            raise already_running(holder)
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": pid or os.getpid(), "since": now}).encode(), 0)
    return LoadLock(path, handle)


def holder_of(state: Path, identity: str) -> Holder | None:
    """Who runs that load at this moment; None where nobody does."""
    folder = state / LOCKS
    path = folder / f"{identity}.lock"
    if not path.exists():
        return None
    with _turn(folder):
        handle = _open(path)
        try:
            return None if _try(handle) else _read(handle)
        finally:
            os.close(handle)


def sweep_locks(state: Path) -> None:
    """Delete the locks that nobody holds."""
    folder = state / LOCKS
    if not folder.exists():
        return
    with _turn(folder):
        for path in folder.glob("*.lock"):
            handle = _open(path)
            try:
                if _try(handle):
                    path.unlink()
            finally:
                os.close(handle)


def already_running(holder: Holder) -> AlreadyRunning:
    """The end of a process that came second."""
    since = datetime.fromtimestamp(holder.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return AlreadyRunning(
        f"Another process is running this same load: process {holder.pid}, since {since}.",
        f"Wait until it ends, or stop it (kill {holder.pid}) and run the same command again.",
    )


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """One at a time looks at the locks: otherwise who only looks could be taken for a holder."""
    handle = _open(folder / _TURNSTILE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(
            f"The lock {path} cannot be opened: {error.strerror}.",
            "Give yourself the right to write there, or name another folder in PANGO_STATE_DIR.",
        ) from error


def _try(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise UsageError(
            f"This disk knows no locks ({error.strerror}), so two processes could send the same load.",
            "Name a folder on this machine's own disk in PANGO_STATE_DIR.",
        ) from error
    return True


def _read(handle: int) -> Holder:
    try:
        kept = json.loads(os.pread(handle, 1000, 0))
        return Holder(int(kept["pid"]), float(kept["since"]))
    except (ValueError, KeyError, TypeError):
        return Holder(0, 0.0)
