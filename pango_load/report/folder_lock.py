"""One process for each run folder: a lock in it that the kernel lets go when its holder dies, however it dies."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from pango_load.errors import AlreadyRunning, UsageError
from pango_load.report.private_files import FILE_MODE

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

LOCK_FILE = ".pango-load.lock"
"""Named after the program: the folder may be somebody's own (`--out`), and `.lock` may be somebody else's."""

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


class FolderLock:
    """The right to write into one run folder; given back by `close`, or by the kernel when the process ends."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle

    def close(self) -> None:
        """Give the right back; the lock's file goes too."""
        if self._handle < 0:
            return
        # Before the right is given back: afterwards the file may be another process's.
        with suppress(OSError):
            self.path.unlink()
        os.close(self._handle)
        self._handle = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def claim_folder(folder: Path) -> FolderLock:
    """Take the right to write into `folder`, which exists.

    On a disk that knows no locks the right is granted unseen: row files there are worth more than none.

    Raises:
        AlreadyRunning: another run writes there, in this process or another.
        UsageError: the lock cannot be opened.
    """
    path = folder / LOCK_FILE
    while True:
        handle = _open(path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise AlreadyRunning(
                f"{folder}: another load is writing into this folder.",
                "Wait until it ends, or name another folder with --out DIR.",
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(handle)
                raise _unusable(path, error) from error
        if _is_at(path, handle):
            return FolderLock(path, handle)
        # Whoever held it removed the file between our opening and our locking.
        os.close(handle)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{path}: the lock of the run's folder cannot be used ({error.strerror}).",
        "Name a folder that can be written with --out DIR.",
    )


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(handle))
    except FileNotFoundError:
        return False
