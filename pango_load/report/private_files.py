"""Files that only their owner may read: row files hold what people typed about people."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700


def create_private(path: Path) -> IO[bytes]:
    """Make `path` new, mode 0600, in the place of whatever stood there, and open it for writing.

    What stood there is removed rather than emptied: a link left by somebody else is never written through.

    Raises:
        OSError: where the folder cannot be written.
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    os.fchmod(descriptor, FILE_MODE)
    return os.fdopen(descriptor, "wb", buffering=0)


def write_whole(file: IO[bytes], content: bytes) -> None:
    """Write all of `content`: a file without a buffer may take a part at a time.

    Raises:
        OSError: where it does not take everything.
    """
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def part_of(path: Path) -> Path:
    """The name under which `path` is written until it is whole: beside it, hidden, with this process's id."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def replace_private(path: Path, write: Callable[[IO[bytes]], None]) -> Path:
    """Let `write` fill a new file, mode 0600, and put it in the place of `path` at once.

    A reader sees the old file or the new one, never a half: also where the program is killed on the way.

    Raises:
        OSError: where the folder cannot be written; the old file stands then, and no half-written one.
    """
    half = part_of(path)
    try:
        with create_private(half) as file:
            write(file)
        half.replace(path)
    except BaseException:
        with suppress(OSError):
            half.unlink()
        raise
    return path


def write_private(path: Path, content: bytes) -> Path:
    """Put `content` in the place of `path` at once, mode 0600.

    Raises:
        OSError: where the folder cannot be written.
    """
    return replace_private(path, lambda file: write_whole(file, content))
