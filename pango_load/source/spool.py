"""Standard input is copied to a private file, so that it can be read twice and a load can go on later."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.errors import MustBeMended, UsageError

if TYPE_CHECKING:
    from typing import BinaryIO

_PIECE_BYTES = 1 << 20


def spool_input(stream: BinaryIO, folder: Path) -> Path:
    """Copy `stream` to its end into a file of `folder` (0700) that only its owner may read (0600).

    The file's name comes from its content: the same input again is the same file, and the same load.

    Raises:
        UsageError: nothing came.
        MustBeMended: the disk is full, or the folder cannot be written.
    """
    digest = hashlib.sha256()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix="stdin-", suffix=".part", dir=folder)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as copy:
                while piece := stream.read(_PIECE_BYTES):
                    digest.update(piece)
                    copy.write(piece)
                is_empty = not copy.tell()
            target = folder / f"stdin-{digest.hexdigest()[:32]}"
            if not is_empty:
                part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise MustBeMended(
            f"Standard input could not be copied to {folder}: {error.strerror}.",
            "Make room there, or name another state folder with PANGO_STATE_DIR.",
        ) from error
    if is_empty:
        raise UsageError("Nothing came through standard input.", "Pipe a table into it: cat customers.csv | ... -")
    return target
