"""Standard input is copied to a private file, so that it can be read twice and a load can go on later."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.errors import MustBeMended, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

_PIECE_BYTES = 1 << 20
_DIGITS = 32


def spool_input(stream: BinaryIO, folder: Path) -> Path:
    """Copy `stream` to its end into a file of `folder` (0700) that only its owner may read (0600).

    The file's name comes from its content: the same input again is the same file, and the same load.

    Raises:
        UsageError: nothing came.
        MustBeMended: the disk is full, or the folder cannot be written.
    """
    pieces = iter(partial(stream.read, _PIECE_BYTES), b"")
    kept = keep_private(pieces, folder, stem="stdin", what="Standard input could not be copied")
    if kept is None:
        raise UsageError("Nothing came through standard input.", "Pipe a table into it: cat customers.csv | ... -")
    return kept


def keep_private(pieces: Iterable[bytes], folder: Path, *, stem: str, what: str, suffix: str = "") -> Path | None:
    """Write `pieces` into a file of `folder` (0700) that only its owner may read (0600); None where none came.

    The file is called `stem`, a digest of its content, and `suffix`; it stands there only when it is whole.

    Raises:
        MustBeMended: the disk is full, or the folder cannot be written: `what` begins the sentence.
    """
    digest = hashlib.sha256()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f"{stem}-", suffix=".part", dir=folder)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as copy:
                for piece in pieces:
                    digest.update(piece)
                    copy.write(piece)
                is_empty = not copy.tell()
            if is_empty:
                return None
            return part.replace(folder / f"{stem}-{digest.hexdigest()[:_DIGITS]}{suffix}")
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise MustBeMended(
            f"{what} to {folder}: {error.strerror}.",
            "Make room there, or name another state folder with PANGO_STATE_DIR.",
        ) from error
